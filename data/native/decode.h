/* Token ids to values, as codec/reader.py does for a whole document.

   Not sure: escapes, references before the first text, and whatever is malformed. */

#ifndef TCT_DECODE_H
#define TCT_DECODE_H

#include "encode.h"

enum { NO_NODE = -1, ROOT_CLOSED = -2 };

/* An open array or object. */
typedef struct {
    PyObject *container;
    PyObject *key; /* of the pair whose value is read */
    int node;
    int place; /* of an object; -1 for an array */
} Frame;

typedef struct {
    Codec *c;
    PyObject *value; /* the document so far */
    Frame frames[MAX_DEPTH];
    int depth;
    int wanted; /* node of the next value; NO_NODE for none or an item */
    int is_number;
} Decoder;

/* Put a value in its container, or at the root; takes the reference. */
static int add_value(Decoder *d, PyObject *value)
{
    if (!value)
        return 0;
    int done = 1;
    d->wanted = NO_NODE;
    d->is_number = 0;
    if (!d->depth) {
        d->value = value;
        d->wanted = ROOT_CLOSED;
        return 1;
    }
    Frame *frame = &d->frames[d->depth - 1];
    if (frame->place < 0)
        done = PyList_Append(frame->container, value) == 0;
    else {
        done = PyDict_SetItem(frame->container, frame->key, value) == 0;
        Py_CLEAR(frame->key);
        if (done && d->c->places[frame->place].is_tagged) {
            frame->place = decide(d->c, frame->place, value, &done);
            done = done && frame->place >= 0;
        }
    }
    Py_DECREF(value);
    return done;
}

static int open_container(Decoder *d, int node, int is_object)
{
    if (d->depth == MAX_DEPTH)
        return 0;
    PyObject *container = is_object ? PyDict_New() : PyList_New(0);
    if (!container)
        return 0;
    Frame frame = {container, NULL, node, is_object ? d->c->nodes[node].start : -1};
    Py_INCREF(container); /* the frame holds it, too */
    if (!add_value(d, container)) {
        Py_DECREF(container);
        return 0;
    }
    d->wanted = NO_NODE;
    d->frames[d->depth++] = frame;
    return 1;
}

static int close_container(Decoder *d)
{
    Frame *frame = &d->frames[--d->depth];
    Py_CLEAR(frame->container);
    if (!d->depth)
        d->wanted = ROOT_CLOSED;
    return 1;
}

/* -- values ------------------------------------------------------------------------ */

static PyObject *referred_text(Decoder *d, int node, int number)
{
    const History *history = &d->c->histories[node];
    if (!history->size || d->c->nodes[node].text < 0)
        return NULL;
    int oldest = history->size > NUM_REFERENCES ? history->size - NUM_REFERENCES : 0;
    int at = history->size - 1 - number;
    PyObject *text = history->texts[at < oldest ? oldest : at].text;
    Py_INCREF(text);
    return text;
}

static PyObject *read_text(Decoder *d, int node)
{
    Codec *c = d->c;
    int automaton = c->nodes[node].text;
    PyObject *text;
    if (automaton < 0
        || !(text = make_string(&c->interned, c->text.data, c->text.size)))
        return NULL;
    Py_ssize_t size = (Py_ssize_t)c->text.size;
    int done = label_of(&c->automata[automaton], c->text.data, size) >= 0;
    Py_ssize_t length = PyUnicode_GetLength(text);
    if (done && length >= MIN_TEXT && length <= MAX_TEXT)
        done = remember_text(c, node, text, NULL, 0);
    if (!done)
        Py_CLEAR(text);
    return text;
}

static PyObject *read_number(Decoder *d, int node)
{
    Codec *c = d->c;
    int automaton = c->nodes[node].number;
    if (automaton < 0 || !append(&c->text, "", 1)) /* ends in 0 */
        return NULL;
    const char *text = c->text.data;
    Py_ssize_t size = (Py_ssize_t)c->text.size - 1;
    if (label_of(&c->automata[automaton], text, size) < 0)
        return NULL;
    if (!strpbrk(text, ".eE"))
        return PyLong_FromString(text, NULL, 10);
    PyObject *string = PyUnicode_FromString(text), *made = NULL;
    if (string)
        made = PyFloat_FromString(string);
    Py_XDECREF(string);
    return made;
}

/* A constant or a literal that is one symbol. */
static PyObject *constant_of(Decoder *d, int number, uint16_t symbol)
{
    const Node *node = &d->c->nodes[number];
    PyObject *found = NULL;
    if (symbol == TRUE_ && node->true_)
        found = Py_True;
    else if (symbol == FALSE_ && node->false_)
        found = Py_False;
    else if (symbol == NULL_ && node->null)
        found = Py_None;
    else if (symbol >= FIRST_LITERAL && symbol < FIRST_BYTE) {
        PyObject *word = PyList_GetItem(d->c->words, symbol - FIRST_LITERAL);
        if (word && PyDict_GetItemWithError(node->literals, word))
            found = word;
    }
    Py_XINCREF(found);
    return found;
}

/* Read the symbol that ends a value without a container, or opens one with a tag. */
static int read_value(Decoder *d, int node, uint16_t symbol)
{
    const Node *wanted = &d->c->nodes[node];
    int has_text = d->c->text.size > 0;
    if (symbol == END)
        return add_value(d, d->is_number ? read_number(d, node) : read_text(d, node));
    if (has_text || d->is_number)
        return 0;
    if (symbol == OBJECT)
        return wanted->has_branches && open_container(d, node, 1);
    if (symbol == ARRAY)
        return wanted->items >= 0 && open_container(d, node, 0);
    if (symbol == NUMBER) {
        d->is_number = 1;
        d->wanted = node;
        return wanted->number >= 0;
    }
    if (symbol >= FIRST_REFERENCE && symbol < FIRST_CHARACTER)
        return add_value(d, referred_text(d, node, symbol - FIRST_REFERENCE));
    return add_value(d, constant_of(d, node, symbol));
}

/* -- containers -------------------------------------------------------------------- */

static int read_key(Decoder *d, Frame *frame, PyObject *key, int is_free)
{
    Step step;
    Py_ssize_t count = PyDict_Size(frame->container);
    if (PyDict_Contains(frame->container, key)
        || !follow_key(d->c, frame->place, key, count, &step)
        || step.is_escaped || (step.symbol == 0) != is_free)
        return 0;
    Py_INCREF(key);
    frame->key = key;
    frame->place = step.place;
    d->wanted = step.child;
    return 1;
}

static int read_in_object(Decoder *d, Frame *frame, uint16_t symbol)
{
    Codec *c = d->c;
    if (symbol == END) {
        PyObject *key = make_string(&c->interned, c->text.data, c->text.size);
        int done = key && read_key(d, frame, key, 1);
        Py_XDECREF(key);
        return done;
    }
    if (c->text.size)
        return 0;
    if (symbol == CLOSE_OBJECT)
        return may_close(&c->places[frame->place], frame->container) == 1
               && close_container(d);
    if (symbol < FIRST_LITERAL || symbol >= FIRST_BYTE)
        return 0;
    PyObject *word = PyList_GetItem(c->words, symbol - FIRST_LITERAL);
    return word && read_key(d, frame, word, 0);
}

static int read_structure(Decoder *d, uint16_t symbol);

static int read_in_array(Decoder *d, Frame *frame, uint16_t symbol)
{
    const Node *node = &d->c->nodes[frame->node];
    if (symbol == CLOSE_ARRAY && !d->c->text.size) {
        Py_ssize_t size = PyList_Size(frame->container);
        int fits = size >= node->min_items
                   && (node->max_items < 0 || size <= node->max_items);
        return fits && close_container(d);
    }
    if (d->c->nodes[node->items].opener == OBJECT)
        return open_container(d, node->items, 1) && read_structure(d, symbol);
    return read_value(d, node->items, symbol); /* arrays in arrays have a tag */
}

/* Read a structure symbol; `text` holds the text before it. */
static int read_structure(Decoder *d, uint16_t symbol)
{
    while (d->wanted >= 0) {
        int opener = d->c->nodes[d->wanted].opener;
        if (!opener)
            return read_value(d, d->wanted, symbol);
        if (!open_container(d, d->wanted, opener == OBJECT)) /* it has no tag */
            return 0;
    }
    if (!d->depth)
        return 0;
    Frame *frame = &d->frames[d->depth - 1];
    return frame->place < 0 ? read_in_array(d, frame, symbol)
                            : read_in_object(d, frame, symbol);
}

/* -- documents --------------------------------------------------------------------- */

/* Append the UTF-8 of a text symbol. */
static int read_text_symbol(Codec *c, uint16_t symbol)
{
    unsigned char bytes[4];
    if (symbol < FIRST_REFERENCE) {
        unsigned offset = symbol - FIRST_BYTE; /* all bytes but 0xc0 and 0xc1 */
        bytes[0] = (unsigned char)(offset < 0xc0 ? offset : offset + 2);
        return append(&c->text, (char *)bytes, 1);
    }
    for (int i = 0; i < c->num_characters; i++)
        if (c->character_symbols[i] == symbol) {
            uint32_t character = c->characters[i];
            size_t size = character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
            static const unsigned char first[] = {0, 0, 0xc0, 0xe0, 0xf0};
            for (size_t k = size - 1; k; k--, character >>= 6)
                bytes[k] = (unsigned char)(0x80 | (character & 63));
            bytes[0] = (unsigned char)(first[size] | character);
            return append(&c->text, (char *)bytes, size);
        }
    return 0;
}

static int read_ids(Decoder *d, const uint16_t *ids, size_t size)
{
    Codec *c = d->c;
    c->text.size = 0;
    for (size_t i = 0; i < size; i++) {
        uint32_t at = c->expansion_starts[ids[i]];
        uint32_t end = c->expansion_starts[ids[i] + 1];
        if (at == end || d->wanted == ROOT_CLOSED)
            return 0;
        for (; at < end; at++) {
            uint16_t symbol = c->expansions[at];
            int is_text = symbol >= FIRST_BYTE
                          && (symbol < FIRST_REFERENCE || symbol >= FIRST_CHARACTER);
            if (is_text) {
                if (!read_text_symbol(c, symbol))
                    return 0;
                continue;
            }
            if (d->wanted == ROOT_CLOSED || !read_structure(d, symbol))
                return 0;
            c->text.size = 0;
        }
    }
    return d->wanted == ROOT_CLOSED && !c->text.size;
}

static PyObject *codec_decode(PyObject *self, PyObject *arguments)
{
    Codec *c = (Codec *)self;
    const char *data;
    Py_ssize_t size;
    if (!PyArg_ParseTuple(arguments, "y#", &data, &size))
        return NULL;
    if (c->is_busy)
        return not_sure();
    c->is_busy = 1;
    uint16_t *ids = malloc((size_t)size + 1); /* the bytes need not be aligned */
    Decoder *d = calloc(1, sizeof *d);
    int done = 0;
    if (ids && d) {
        memcpy(ids, data, (size_t)size);
        d->c = c;
        d->wanted = c->root;
        done = read_ids(d, ids, (size_t)size / 2);
    } else
        PyErr_NoMemory();
    while (d && d->depth) {
        Frame *frame = &d->frames[--d->depth];
        Py_XDECREF(frame->container);
        Py_XDECREF(frame->key);
    }
    PyObject *value = d ? d->value : NULL;
    free(d);
    free(ids);
    forget_texts(c);
    c->is_busy = 0;
    if (done)
        return value;
    Py_XDECREF(value);
    return not_sure();
}

#endif
