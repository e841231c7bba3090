/* The grammar and the alphabet of a tokenizer, handed over by codec/native.py.

   A key is followed by Python the first time it occurs at a place of the grammar, and
   by a table from then on, as codec/lookup.py does. */

#ifndef TCT_GRAMMAR_H
#define TCT_GRAMMAR_H

#include "segment.h"

/* Ids of symbols, see data/tokenizer/symbols.py. */
enum {
    END, CLOSE_OBJECT, CLOSE_ARRAY, OBJECT, ARRAY, TRUE_, FALSE_, NULL_, NUMBER,
    ESCAPE, ESCAPE_KEY, ESCAPE_ARRAY,
    FIRST_LITERAL = 16,
    FIRST_BYTE = FIRST_LITERAL + 256,
    NUM_REFERENCES = 32,
    FIRST_REFERENCE = FIRST_BYTE + 243,
    FIRST_CHARACTER = FIRST_REFERENCE + NUM_REFERENCES,
    MAX_COMMON = 128,
};

/* Bounds, see codec/references.py and codec/lookup.py. */
enum {
    MIN_TEXT = 16,
    MAX_TEXT = 1024,
    MAX_LEARNED = 1 << 16,
    LONGEST_LEARNED = 64,
};

typedef struct {
    PyObject *classes; /* character to column */
    int32_t ascii[128];
    int32_t *table; /* [state][column] */
    int32_t *labels;
    Py_ssize_t num_columns, num_states;
    int is_universal;
} Automaton;

typedef struct {
    int null, true_, false_;
    int opener; /* the type tag that its values omit, 0 if none */
    int number, text, items; /* -1 for none */
    int only_array, has_branches;
    Py_ssize_t min_items, max_items;
    int start; /* the place in an empty object */
    PyObject *literals; /* string to symbol */
} Node;

/* A key at a place: its symbols, its value's node and the place after the pair. */
typedef struct {
    PyObject *key;
    uint16_t *symbols;
    Py_ssize_t num_symbols;
    int child, place, is_escaped;
} Pair;

typedef struct {
    PyObject *pairs; /* key to index in Codec.pairs */
    PyObject *needs; /* [(least number of pairs, required keys)] */
    int counts;      /* whether keys depend on the number of pairs before them */
} Place;

/* A text that references can point to. */
typedef struct {
    PyObject *text;
    const char *data;
    Py_ssize_t size;
} Remembered;

typedef struct {
    Remembered *texts; /* 2 * NUM_REFERENCES of them */
    int size;
} History;

typedef struct {
    PyObject_HEAD
    Node *nodes;
    int num_nodes, root, any;
    Automaton *automata;
    int num_automata;
    Place *places;
    size_t num_places, place_room;
    Pair *pairs;
    size_t num_pairs, pair_room;
    PyObject *learn;    /* (place, key, count) -> (symbols, child, place, is_escaped) */
    PyObject *describe; /* place -> (needs, counts) */
    PyObject *words;    /* the literals */
    uint32_t characters[MAX_COMMON];
    uint16_t character_symbols[MAX_COMMON];
    int num_characters;
    uint16_t bytes[256]; /* symbol of a byte, 0 for none */
    /* by id: its symbols */
    uint16_t *expansions;
    uint32_t expansion_starts[(1 << 16) + 1];
    Segmenter segmenter;
    Interned interned;
    /* of the document at work */
    int is_busy;
    Symbols pending, ids;
    size_t max_ids;
    Bytes text;
    History *histories; /* by node */
    int *touched;       /* nodes that have a history */
    int num_touched;
} Codec;

/* -- automata ---------------------------------------------------------------------- */

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
            const unsigned char *begun = p;
            next_character(&p);
            PyObject *one = PyUnicode_DecodeUTF8((const char *)begun, p - begun, NULL);
            PyObject *found = one ? PyDict_GetItemWithError(a->classes, one) : NULL;
            Py_XDECREF(one);
            if (PyErr_Occurred())
                return -1;
            column = found ? (int32_t)PyLong_AsLong(found) : 0;
        }
        state = a->table[state * a->num_columns + column];
        if (state < 0)
            return -1;
    }
    return a->labels[state];
}

/* -- places ------------------------------------------------------------------------ */

/* Whether Python's place number `index` is known, after asking for it if it is new. */
static int know_place(Codec *c, long index)
{
    if (index >= 0 && (size_t)index < c->num_places)
        return 1;
    if (index < 0 || (size_t)index != c->num_places
        || !reserve((void **)&c->places, &c->place_room, c->num_places, 1,
                    sizeof(Place)))
        return 0;
    PyObject *found = PyObject_CallFunction(c->describe, "l", index);
    Place place = {0};
    int done = found && PyArg_ParseTuple(found, "O!p", &PyList_Type, &place.needs,
                                         &place.counts);
    place.pairs = done ? PyDict_New() : NULL;
    if (place.pairs) {
        Py_INCREF(place.needs);
        c->places[c->num_places++] = place;
    }
    Py_XDECREF(found);
    return place.pairs != NULL;
}

static void clear_pair(Pair *pair)
{
    Py_CLEAR(pair->key);
    free(pair->symbols);
    pair->symbols = NULL;
}

static void forget_pairs(Codec *c)
{
    for (size_t i = 0; i < c->num_places; i++)
        PyDict_Clear(c->places[i].pairs);
    while (c->num_pairs)
        clear_pair(&c->pairs[--c->num_pairs]);
}

/* Ask Python for a key at a place; the pair is the caller's to clear. */
static int ask_pair(Codec *c, int place, PyObject *key, Py_ssize_t count, Pair *pair)
{
    const char *symbols;
    Py_ssize_t size;
    *pair = (Pair){0};
    if (!PyUnicode_AsUTF8AndSize(key, &size)) /* lone surrogates */
        return 0;
    PyObject *found = PyObject_CallFunction(c->learn, "iOn", place, key, count);
    if (found
        && PyArg_ParseTuple(found, "y#iip", &symbols, &size, &pair->child,
                            &pair->place, &pair->is_escaped)
        && pair->child >= 0 && pair->child < c->num_nodes
        && know_place(c, pair->place)) {
        pair->symbols = malloc((size_t)size + 1);
        if (pair->symbols) {
            memcpy(pair->symbols, symbols, (size_t)size);
            pair->num_symbols = size / 2;
            pair->key = key;
            Py_INCREF(key);
        } else
            PyErr_NoMemory();
    }
    Py_XDECREF(found);
    return pair->symbols != NULL;
}

/* Keep a pair at its place; the codec owns it from now on. */
static const Pair *learn_pair(Codec *c, int place, Pair *pair)
{
    if (c->num_pairs >= MAX_LEARNED)
        forget_pairs(c);
    PyObject *index = NULL;
    if (reserve((void **)&c->pairs, &c->pair_room, c->num_pairs, 1, sizeof(Pair)))
        index = PyLong_FromSize_t(c->num_pairs);
    if (!index || PyDict_SetItem(c->places[place].pairs, pair->key, index)) {
        Py_XDECREF(index);
        clear_pair(pair);
        return NULL;
    }
    Py_DECREF(index);
    c->pairs[c->num_pairs] = *pair;
    return &c->pairs[c->num_pairs++];
}

/* Follow a key.  The pair lies in the tables, or in `own`, which the caller clears. */
static const Pair *follow_key(Codec *c, int place, PyObject *key, Py_ssize_t count,
                              Pair *own)
{
    PyObject *index = PyDict_GetItemWithError(c->places[place].pairs, key);
    if (index)
        return &c->pairs[PyLong_AsSize_t(index)];
    if (PyErr_Occurred() || !ask_pair(c, place, key, count, own))
        return NULL;
    if (c->places[place].counts || PyUnicode_GetLength(key) > LONGEST_LEARNED)
        return own;
    const Pair *learned = learn_pair(c, place, own);
    *own = (Pair){0};
    return learned;
}

/* Whether an object that holds `pairs` is complete; -1 for an error. */
static int may_close(const Place *place, PyObject *pairs)
{
    Py_ssize_t size = PyDict_Size(pairs);
    for (Py_ssize_t i = 0; i < PyList_Size(place->needs); i++) {
        PyObject *required;
        Py_ssize_t least, k = 0;
        if (!PyArg_ParseTuple(PyList_GetItem(place->needs, i), "nO!", &least,
                              &PyTuple_Type, &required))
            return -1;
        if (size < least)
            continue;
        int has = 1;
        for (; has == 1 && k < PyTuple_Size(required); k++)
            has = PyDict_Contains(pairs, PyTuple_GetItem(required, k));
        if (has)
            return has;
    }
    return 0;
}

/* -- histories --------------------------------------------------------------------- */

/* Remember a text that a node types. */
static int remember_text(Codec *c, int node, PyObject *text, const char *data,
                         Py_ssize_t size)
{
    History *history = &c->histories[node];
    if (!history->texts) {
        history->texts = calloc(2 * NUM_REFERENCES, sizeof *history->texts);
        if (!history->texts) {
            PyErr_NoMemory();
            return 0;
        }
    }
    if (!history->size)
        c->touched[c->num_touched++] = node;
    if (history->size == 2 * NUM_REFERENCES) { /* the oldest are out of reach */
        for (int i = 0; i < NUM_REFERENCES; i++)
            Py_DECREF(history->texts[i].text);
        memmove(history->texts, history->texts + NUM_REFERENCES,
                NUM_REFERENCES * sizeof *history->texts);
        history->size = NUM_REFERENCES;
    }
    Py_INCREF(text);
    history->texts[history->size++] = (Remembered){text, data, size};
    return 1;
}

static void forget_texts(Codec *c)
{
    while (c->num_touched) {
        History *history = &c->histories[c->touched[--c->num_touched]];
        while (history->size)
            Py_DECREF(history->texts[--history->size].text);
    }
}

#endif
