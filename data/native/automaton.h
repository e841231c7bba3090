/* Deterministic automata over characters, as in data/tokenizer/dfa.py. */

#ifndef TCT_AUTOMATON_H
#define TCT_AUTOMATON_H

#include "common.h"

/* Symbols of texts as characters, see data/tokenizer/symbols.py. */
enum {
    END_CHARACTER = 0xe000,
    LAST_STRUCTURE = 0xe1ff,
    BYTE_CHARACTERS = 0xe200, /* plus the byte, from 0x80 on */
};

/* Labels that fit in a bit set. */
enum { MAX_REACHED = 63 };

typedef struct {
    PyObject *classes; /* character to column */
    int32_t ascii[128];
    int32_t *table; /* [state][column] */
    int32_t *labels;
    uint64_t *reach; /* by state: the labels ahead; NULL if there are too many */
    Py_ssize_t num_columns, num_states;
    int is_universal;
} Automaton;

/* Copy `count` elements of `each` bytes. */
static void *copy_table(const char *data, Py_ssize_t size, Py_ssize_t count,
                        Py_ssize_t each)
{
    if (size != count * each) {
        PyErr_SetString(PyExc_ValueError, "a table of another size");
        return NULL;
    }
    void *made = malloc((size_t)size + 1);
    if (!made) {
        PyErr_NoMemory();
        return NULL;
    }
    memcpy(made, data, (size_t)size);
    return made;
}

/* Read what codec/native.py says of an automaton. */
static int load_automaton(Automaton *a, PyObject *plan)
{
    const char *ascii, *table, *labels, *reach;
    Py_ssize_t ascii_size, table_size, labels_size, reach_size;
    if (!PyArg_ParseTuple(plan, "pnnO!y#y#y#y#", &a->is_universal, &a->num_columns,
                          &a->num_states, &PyDict_Type, &a->classes, &ascii,
                          &ascii_size, &table, &table_size, &labels, &labels_size,
                          &reach, &reach_size)) {
        a->classes = NULL;
        return 0;
    }
    Py_INCREF(a->classes);
    if (ascii_size != sizeof a->ascii) {
        PyErr_SetString(PyExc_ValueError, "expected 128 columns");
        return 0;
    }
    memcpy(a->ascii, ascii, sizeof a->ascii);
    a->table = copy_table(table, table_size, a->num_columns * a->num_states, 4);
    a->labels = copy_table(labels, labels_size, a->num_states, 4);
    if (reach_size)
        a->reach = copy_table(reach, reach_size, a->num_states, 8);
    return a->table && a->labels && (a->reach || !reach_size);
}

static void clear_automaton(Automaton *a)
{
    Py_CLEAR(a->classes);
    free(a->table);
    free(a->labels);
    free(a->reach);
}

/* The column of a character; check PyErr_Occurred(). */
static int32_t column_of(const Automaton *a, uint32_t character)
{
    if (character < 0x80)
        return a->ascii[character];
    PyObject *one = PyUnicode_FromOrdinal((int)character);
    PyObject *found = one ? PyDict_GetItemWithError(a->classes, one) : NULL;
    Py_XDECREF(one);
    return found ? (int32_t)PyLong_AsLong(found) : 0;
}

/* The label of UTF-8 text; -1 if it is in no language, or if an error is set. */
static int32_t label_of(const Automaton *a, const char *text, Py_ssize_t size)
{
    if (a->is_universal)
        return a->labels[0];
    int32_t state = 0;
    const unsigned char *p = (const unsigned char *)text, *end = p + size;
    while (p < end) {
        int32_t column;
        if (*p < 0x80)
            column = a->ascii[*p++];
        else {
            column = column_of(a, next_character(&p));
            if (PyErr_Occurred())
                return -1;
        }
        state = a->table[state * a->num_columns + column];
        if (state < 0)
            return -1;
    }
    return a->labels[state];
}

#endif
