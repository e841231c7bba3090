/* The type `Codec`: what codec/native.py hands over, read into C. */

#ifndef TCT_CODEC_H
#define TCT_CODEC_H

#include "decode.h"

static int load_node(Codec *c, Node *node, PyObject *plan)
{
    if (!PyArg_ParseTuple(plan, "pppiiiiippnniO!O!", &node->null, &node->true_,
                          &node->false_, &node->opener, &node->number, &node->text,
                          &node->keys, &node->items, &node->only_array,
                          &node->has_branches, &node->min_items, &node->max_items,
                          &node->start, &PyDict_Type, &node->literals, &PyDict_Type,
                          &node->known_keys))
        return 0;
    Py_INCREF(node->literals);
    Py_INCREF(node->known_keys);
    if (node->number >= c->num_automata || node->text >= c->num_automata
        || node->keys >= c->num_automata || node->items >= c->num_nodes) {
        PyErr_SetString(PyExc_ValueError, "a node that refers to nothing");
        return 0;
    }
    return know_place(c, node->start);
}

static int load_grammar(Codec *c, PyObject *nodes, PyObject *automata)
{
    Py_ssize_t num_nodes = PyList_Size(nodes), num_automata = PyList_Size(automata);
    if (num_nodes < 1 || num_nodes > INT16_MAX || num_automata > INT16_MAX
        || c->root < 0 || c->any < 0 || c->root >= num_nodes || c->any >= num_nodes) {
        PyErr_SetString(PyExc_ValueError, "a grammar of another size");
        return 0;
    }
    c->automata = calloc((size_t)num_automata + 1, sizeof *c->automata);
    c->nodes = calloc((size_t)num_nodes, sizeof *c->nodes);
    c->histories = calloc((size_t)num_nodes, sizeof *c->histories);
    c->touched = calloc((size_t)num_nodes, sizeof *c->touched);
    if (!c->automata || !c->nodes || !c->histories || !c->touched) {
        PyErr_NoMemory();
        return 0;
    }
    c->num_nodes = (int)num_nodes;
    c->num_automata = (int)num_automata;
    for (Py_ssize_t i = 0; i < num_automata; i++)
        if (!load_automaton(&c->automata[i], PyList_GetItem(automata, i)))
            return 0;
    for (Py_ssize_t i = 0; i < num_nodes; i++)
        if (!load_node(c, &c->nodes[i], PyList_GetItem(nodes, i)))
            return 0;
    return 1;
}

/* Common characters, ascending, and the symbols of bytes. */
static int load_alphabet(Codec *c, PyObject *characters)
{
    Py_ssize_t size = PyList_Size(characters);
    if (size > MAX_COMMON) {
        PyErr_SetString(PyExc_ValueError, "too many characters");
        return 0;
    }
    for (Py_ssize_t i = 0; i < size; i++)
        if (!PyArg_ParseTuple(PyList_GetItem(characters, i), "IH", &c->characters[i],
                              &c->character_symbols[i]))
            return 0;
    c->num_characters = (int)size;
    for (int byte = 0; byte < 0xf5; byte++)
        if (byte < 0xc0 || byte > 0xc1)
            c->bytes[byte] = (uint16_t)(FIRST_BYTE + byte - (byte > 0xc1 ? 2 : 0));
    return 1;
}

/* The symbols of each id, one after the other. */
static int load_expansions(Codec *c, PyObject *tokens)
{
    Symbols all = {0};
    uint32_t *sizes = c->expansion_starts;
    Py_ssize_t num_tokens = PyList_Size(tokens);
    int done = 1;
    /* Tokens come in the order of their ids. */
    size_t next = 0;
    for (Py_ssize_t i = 0; i < num_tokens && done; i++) {
        const char *data;
        Py_ssize_t size;
        unsigned short id;
        done = PyArg_ParseTuple(PyList_GetItem(tokens, i), "y#H", &data, &size, &id)
               && id >= next && reserve_symbols(&all, (size_t)size / 2);
        if (!done)
            break;
        while (next <= id)
            sizes[next++] = (uint32_t)all.size;
        memcpy(all.data + all.size, data, (size_t)size);
        all.size += (size_t)size / 2;
    }
    while (next <= 1 << 16)
        sizes[next++] = (uint32_t)all.size;
    c->expansions = all.data;
    return done;
}

static int codec_init(PyObject *self, PyObject *arguments, PyObject *keywords)
{
    Codec *c = (Codec *)self;
    PyObject *nodes, *automata, *characters, *tokens;
    (void)keywords;
    if (c->nodes) {
        PyErr_SetString(PyExc_TypeError, "a codec is made once");
        return -1;
    }
    if (!PyArg_ParseTuple(arguments, "O!O!iiOOOO!O!O!", &PyList_Type, &nodes,
                          &PyList_Type, &automata, &c->root, &c->any, &c->follow,
                          &c->describe, &c->decide, &PyList_Type, &c->words,
                          &PyList_Type, &characters, &PyList_Type, &tokens))
        return -1;
    Py_INCREF(c->follow);
    Py_INCREF(c->describe);
    Py_INCREF(c->decide);
    Py_INCREF(c->words);
    if (!load_grammar(c, nodes, automata) || !load_alphabet(c, characters)
        || !load_expansions(c, tokens) || !init_segmenter(&c->segmenter, tokens)) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_ValueError, "a vocabulary of another size");
        return -1;
    }
    return 0;
}

static int codec_traverse(PyObject *self, visitproc visit, void *arg)
{
    Codec *c = (Codec *)self;
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(c->follow);
    Py_VISIT(c->describe);
    Py_VISIT(c->decide);
    Py_VISIT(c->words);
    return 0;
}

static int codec_clear(PyObject *self)
{
    Codec *c = (Codec *)self;
    Py_CLEAR(c->follow);
    Py_CLEAR(c->describe);
    Py_CLEAR(c->decide);
    Py_CLEAR(c->words);
    return 0;
}

static void codec_dealloc(PyObject *self)
{
    Codec *c = (Codec *)self;
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    codec_clear(self);
    for (size_t i = 0; i < c->num_places; i++) {
        Py_CLEAR(c->places[i].needs);
        Py_CLEAR(c->places[i].known);
        free(c->places[i].free);
    }
    for (int i = 0; i < c->num_automata; i++)
        clear_automaton(&c->automata[i]);
    for (int i = 0; i < c->num_nodes; i++) {
        Py_CLEAR(c->nodes[i].literals);
        Py_CLEAR(c->nodes[i].known_keys);
        free(c->histories[i].texts);
    }
    forget_strings(&c->interned);
    clear_segmenter(&c->segmenter);
    free(c->places);
    free(c->steps);
    free(c->automata);
    free(c->nodes);
    free(c->histories);
    free(c->touched);
    free(c->expansions);
    free(c->pending.data);
    free(c->ids.data);
    free(c->text.data);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(self);
    Py_DECREF(type);
}

static PyMethodDef codec_methods[] = {
    {"encode", codec_encode, METH_VARARGS,
     "encode(value, max_ids): ids as a bytearray of uint16; max_ids -1 is no limit"},
    {"decode", codec_decode, METH_VARARGS, "decode(ids as bytes): the value"},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot codec_slots[] = {
    {Py_tp_doc, "Encodes and decodes documents; NotImplemented where it is not sure."},
    {Py_tp_init, codec_init},
    {Py_tp_new, PyType_GenericNew},
    {Py_tp_traverse, codec_traverse},
    {Py_tp_clear, codec_clear},
    {Py_tp_dealloc, codec_dealloc},
    {Py_tp_methods, codec_methods},
    {0, NULL},
};

static PyType_Spec codec_spec = {
    .name = "tct.data.native._core.Codec",
    .basicsize = sizeof(Codec),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = codec_slots,
};

#endif
