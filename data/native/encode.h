/* Values to token ids, as codec/encoder.py and segmenter.py do.

   The symbols of a chunk gather in `pending`; `cut` ends the chunk and appends its ids.
   Not sure: lone surrogates, numbers that JSON lacks, types other than JSON's, keys
   that are not strings, nesting beyond the bound. */

#ifndef TCT_ENCODE_H
#define TCT_ENCODE_H

#include "grammar.h"
#include "json_text.h"

/* Bounds, see tokenizer/grammar.py. */
enum { MAX_DEPTH = 128, MAX_TAGGED_DEPTH = 64 };

/* End the chunk; nothing is appended behind the chunk that exceeds `max_ids`. */
static int cut(Codec *c)
{
    int done = c->ids.size > c->max_ids
               || segment(&c->segmenter, &c->pending, &c->ids);
    c->pending.size = 0;
    return done;
}

static inline int ends_in_object(const Codec *c)
{
    return c->pending.size && c->pending.data[c->pending.size - 1] == CLOSE_OBJECT;
}

/* The symbol of a common character, 0 for none. */
static uint16_t character_symbol(const Codec *c, uint32_t character)
{
    int low = 0, high = c->num_characters;
    while (low < high) {
        int middle = (low + high) / 2;
        if (c->characters[middle] < character)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < c->num_characters && c->characters[low] == character)
        return c->character_symbols[low];
    return 0;
}

/* Spell a text and its END; end a chunk after each newline if `cuts`. */
static int put_text(Codec *c, const char *text, Py_ssize_t size, int cuts)
{
    const unsigned char *p = (const unsigned char *)text, *end = p + size;
    if (!reserve_symbols(&c->pending, (size_t)size + 1))
        return 0;
    while (p < end) {
        const unsigned char *begun = p;
        if (*p < 0x80) {
            c->pending.data[c->pending.size++] = c->bytes[*p++];
            if (cuts && *begun == '\n'
                && (!cut(c) || !reserve_symbols(&c->pending, (size_t)(end - p) + 1)))
                return 0;
            continue;
        }
        uint16_t symbol = character_symbol(c, next_character(&p));
        if (symbol)
            c->pending.data[c->pending.size++] = symbol;
        else
            while (begun < p)
                c->pending.data[c->pending.size++] = c->bytes[*begun++];
    }
    c->pending.data[c->pending.size++] = END;
    return 1;
}

/* -- values ------------------------------------------------------------------------ */

/* Functions of this part return 1 if they wrote the value, 0 if not sure, and NOT_HERE
   if the node does not allow the value. */
enum { NOT_HERE = 2 };

static int put_value(Codec *c, PyObject *value, int number, int in_array, int depth);

/* Put the reference to a text, or remember the text. */
static int put_reference(Codec *c, int number, PyObject *value, const char *text,
                         Py_ssize_t size)
{
    const History *history = &c->histories[number];
    int oldest = history->size > NUM_REFERENCES ? history->size - NUM_REFERENCES : 0;
    for (int i = history->size - 1; i >= oldest; i--) {
        const Remembered *seen = &history->texts[i];
        if (seen->size == size && memcmp(seen->data, text, (size_t)size) == 0)
            return put(&c->pending,
                       (uint16_t)(FIRST_REFERENCE + history->size - 1 - i));
    }
    return remember_text(c, number, value, text, size) ? NOT_HERE : 0;
}

static int put_string(Codec *c, PyObject *value, int number)
{
    const Node *node = &c->nodes[number];
    PyObject *literal = PyDict_GetItemWithError(node->literals, value);
    if (literal)
        return put(&c->pending, (uint16_t)PyLong_AsLong(literal));
    Py_ssize_t size;
    const char *text = PyUnicode_AsUTF8AndSize(value, &size); /* fails on surrogates */
    if (!text)
        return 0;
    if (node->text < 0)
        return NOT_HERE;
    if (label_of(&c->automata[node->text], text, size) < 0)
        return PyErr_Occurred() ? 0 : NOT_HERE;
    Py_ssize_t length = size < MIN_TEXT ? size : PyUnicode_GetLength(value);
    if (length >= MIN_TEXT && length <= MAX_TEXT) {
        int done = put_reference(c, number, value, text, size);
        if (done != NOT_HERE)
            return done;
    }
    return put_text(c, text, size, 1);
}

static int put_number_text(Codec *c)
{
    return put(&c->pending, NUMBER)
           && put_text(c, c->text.data, (Py_ssize_t)c->text.size, 0);
}

static int put_number(Codec *c, PyObject *value, int number)
{
    c->text.size = 0;
    if (!json_number(&c->text, value))
        return 0;
    int automaton = c->nodes[number].number;
    if (automaton < 0)
        return NOT_HERE;
    if (label_of(&c->automata[automaton], c->text.data, (Py_ssize_t)c->text.size) < 0)
        return PyErr_Occurred() ? 0 : NOT_HERE;
    return put_number_text(c);
}

static int put_array(Codec *c, PyObject *values, const Node *node, int depth)
{
    Py_ssize_t i = 0;
    for (; i < PyList_Size(values); i++) {
        if (i && ends_in_object(c) && !cut(c))
            return 0;
        PyObject *value = PyList_GetItem(values, i);
        Py_INCREF(value); /* following a key may run other threads */
        int done = put_value(c, value, node->items, 1, depth);
        Py_DECREF(value);
        if (!done)
            return 0;
    }
    int fits = i >= node->min_items && (node->max_items < 0 || i <= node->max_items);
    return (fits || put(&c->pending, ESCAPE_ARRAY)) && put(&c->pending, CLOSE_ARRAY);
}

/* Put a key. */
static int put_key(Codec *c, PyObject *key, const Step *step)
{
    Py_ssize_t size;
    if (step->is_escaped && !put(&c->pending, ESCAPE_KEY))
        return 0;
    if (step->symbol)
        return put(&c->pending, (uint16_t)step->symbol);
    const char *text = PyUnicode_AsUTF8AndSize(key, &size);
    return text && put_text(c, text, size, 0);
}

static int put_escaped(Codec *c, PyObject *value, int number, int in_array, int depth);

/* Put the value of a tag, and move on to the place after it. */
static int put_tag(Codec *c, PyObject *value, Step *step, int depth)
{
    int is_allowed;
    step->place = decide(c, step->place, value, &is_allowed);
    if (step->place < 0)
        return 0;
    if (is_allowed || !PyUnicode_CheckExact(value))
        return put_value(c, value, step->child, 0, depth);
    return put_escaped(c, value, step->child, 0, depth);
}

static int put_object(Codec *c, PyObject *pairs, int number, int depth)
{
    int place = c->nodes[number].start;
    Py_ssize_t at = 0, count = 0;
    PyObject *key, *value;
    while (PyDict_Next(pairs, &at, &key, &value)) {
        if (count && ends_in_object(c) && !cut(c))
            return 0;
        Step step;
        Py_INCREF(key); /* following a key may run other threads */
        Py_INCREF(value);
        int done = PyUnicode_CheckExact(key)
                   && follow_key(c, place, key, count++, &step)
                   && put_key(c, key, &step)
                   && (c->places[step.place].is_tagged
                           ? put_tag(c, value, &step, depth)
                           : put_value(c, value, step.child, 0, depth));
        place = step.place;
        Py_DECREF(key);
        Py_DECREF(value);
        if (!done)
            return 0;
    }
    int fits = may_close(&c->places[place], pairs);
    if (fits < 0 || (!fits && !put(&c->pending, ESCAPE_KEY)))
        return 0;
    return put(&c->pending, CLOSE_OBJECT);
}

static int put_container(Codec *c, PyObject *value, int number, int depth,
                         int is_tagged)
{
    const Node *node = &c->nodes[number];
    int is_list = PyList_CheckExact(value);
    if (depth >= MAX_DEPTH)
        return 0;
    if (is_list ? node->items < 0 : !node->has_branches)
        return NOT_HERE;
    if (is_tagged && !put(&c->pending, is_list ? ARRAY : OBJECT))
        return 0;
    return is_list ? put_array(c, value, node, depth + 1)
                   : put_object(c, value, number, depth + 1);
}

static int put_constant(Codec *c, PyObject *value, const Node *node)
{
    if (value == Py_None)
        return node->null ? put(&c->pending, NULL_) : NOT_HERE;
    int is_true = value == Py_True;
    if (!(is_true ? node->true_ : node->false_))
        return NOT_HERE;
    return put(&c->pending, is_true ? TRUE_ : FALSE_);
}

static int put_escaped(Codec *c, PyObject *value, int number, int in_array, int depth)
{
    int is_bare_array = c->nodes[number].only_array && !in_array;
    if (!put(&c->pending, is_bare_array ? ESCAPE_ARRAY : ESCAPE))
        return 0;
    if (PyUnicode_CheckExact(value)) {
        Py_ssize_t size;
        const char *text = PyUnicode_AsUTF8AndSize(value, &size);
        return text && put_text(c, text, size, 1);
    }
    if (PyLong_CheckExact(value) || PyFloat_CheckExact(value))
        return put_number_text(c); /* `put_number` has just written it */
    if (PyList_CheckExact(value) || PyDict_CheckExact(value))
        return put_container(c, value, c->any, depth, 1) == 1;
    return number != c->any && put_value(c, value, c->any, in_array, depth);
}

static int put_value(Codec *c, PyObject *value, int number, int in_array, int depth)
{
    const Node *node = &c->nodes[number];
    int done = NOT_HERE;
    if (PyUnicode_CheckExact(value))
        done = put_string(c, value, number);
    else if (PyBool_Check(value) || value == Py_None)
        done = put_constant(c, value, node);
    else if (PyLong_CheckExact(value) || PyFloat_CheckExact(value))
        done = put_number(c, value, number);
    else if (PyList_CheckExact(value) || PyDict_CheckExact(value)) {
        int is_tagged = node->opener != OBJECT && (in_array || node->opener != ARRAY);
        if (depth < MAX_TAGGED_DEPTH || !is_tagged)
            done = put_container(c, value, number, depth, is_tagged);
    } else
        return 0;
    if (done == NOT_HERE && !PyErr_Occurred())
        done = put_escaped(c, value, number, in_array, depth);
    return done == 1;
}

/* -- documents --------------------------------------------------------------------- */

static PyObject *codec_encode(PyObject *self, PyObject *arguments)
{
    Codec *c = (Codec *)self;
    PyObject *value, *made = NULL;
    Py_ssize_t max_ids;
    if (!PyArg_ParseTuple(arguments, "On", &value, &max_ids))
        return NULL;
    if (c->is_busy) /* in another thread, which follows a key */
        return not_sure();
    c->is_busy = 1;
    c->pending.size = c->ids.size = 0;
    c->max_ids = max_ids < 0 ? SIZE_MAX : (size_t)max_ids;
    if (put_value(c, value, c->root, 0, 0) && cut(c))
        made = PyByteArray_FromStringAndSize((const char *)c->ids.data,
                                             2 * (Py_ssize_t)c->ids.size);
    forget_texts(c);
    c->is_busy = 0;
    return made ? made : not_sure();
}

#endif
