/* The grammar and the alphabet of a tokenizer, handed over by codec/native.py.

   Where a key leads depends on the place of the grammar and on the key, if the schema
   names it, or else on its label.  Python follows each of these once, and a table from
   then on. */

#ifndef TCT_GRAMMAR_H
#define TCT_GRAMMAR_H

#include "automaton.h"
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

/* Bounds, see codec/references.py. */
enum { MIN_TEXT = 16, MAX_TEXT = 1024 };

enum { MAX_LABELS = 4096 }; /* see tokenizer/checks.py */

typedef struct {
    int null, true_, false_;
    int opener; /* the type tag that its values omit, 0 if none */
    int number, text, keys, items; /* -1 for none */
    int only_array, has_branches;
    Py_ssize_t min_items, max_items;
    int start; /* the place in an empty object */
    PyObject *literals;   /* string to symbol */
    PyObject *known_keys; /* key to symbol */
} Node;

/* Where a key leads: its value's node and the place after the pair. */
typedef struct {
    int child, place;
    int is_escaped;
    int symbol; /* of a key that the schema names; 0 for one that is spelled */
} Step;

typedef struct {
    int node;
    int counts;      /* whether keys depend on the number of pairs before them */
    int is_tagged;   /* whether the value before it still has to decide */
    PyObject *needs; /* [(least number of pairs, required keys)] */
    PyObject *known; /* key that the schema names to the index of its step; of a place
                        that is tagged, word to the place after it */
    int32_t *free;   /* by label of another key: the index, -1 if not known yet */
    int num_free;
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
    Step *steps;
    size_t num_steps, step_room;
    PyObject *follow;   /* (place, key, count) -> (child, place, is_escaped) */
    PyObject *describe; /* place -> (node, counts, is_tagged, needs) */
    PyObject *decide;   /* (place, value) -> (place, is_allowed) */
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
    if (found
        && PyArg_ParseTuple(found, "ippO!", &place.node, &place.counts,
                            &place.is_tagged, &PyList_Type, &place.needs)
        && place.node >= 0 && place.node < c->num_nodes)
        place.known = PyDict_New();
    if (place.known) {
        Py_INCREF(place.needs);
        c->places[c->num_places++] = place;
    }
    Py_XDECREF(found);
    return place.known != NULL;
}

/* Ask Python where a key leads. */
static int ask_step(Codec *c, int place, PyObject *key, Py_ssize_t count, Step *step)
{
    PyObject *found = PyObject_CallFunction(c->follow, "iOn", place, key, count);
    int done = found
               && PyArg_ParseTuple(found, "iip", &step->child, &step->place,
                                   &step->is_escaped)
               && step->child >= 0 && step->child < c->num_nodes
               && know_place(c, step->place);
    Py_XDECREF(found);
    return done;
}

/* Keep a step; return its index, or -1. */
static int32_t keep_step(Codec *c, const Step *step)
{
    if (c->num_steps == INT32_MAX
        || !reserve((void **)&c->steps, &c->step_room, c->num_steps, 1, sizeof(Step)))
        return -1;
    c->steps[c->num_steps] = *step;
    return (int32_t)c->num_steps++;
}

static int follow_known(Codec *c, int place, PyObject *key, Py_ssize_t count,
                        Step *step)
{
    PyObject *index = PyDict_GetItemWithError(c->places[place].known, key);
    if (index) {
        *step = c->steps[PyLong_AsSize_t(index)];
        return 1;
    }
    if (PyErr_Occurred() || !ask_step(c, place, key, count, step))
        return 0;
    if (c->places[place].counts)
        return 1;
    int32_t kept = keep_step(c, step);
    index = kept < 0 ? NULL : PyLong_FromLong(kept);
    int done = index && PyDict_SetItem(c->places[place].known, key, index) == 0;
    Py_XDECREF(index);
    return done;
}

/* The place's index of the step for a label; NULL if memory runs out. */
static int32_t *free_step(Place *place, int32_t label)
{
    if (label >= place->num_free) {
        int32_t *grown = NULL;
        if (label < MAX_LABELS)
            grown = realloc(place->free, (size_t)(label + 1) * sizeof *grown);
        if (!grown)
            return NULL;
        for (; place->num_free <= label; place->num_free++)
            grown[place->num_free] = -1;
        place->free = grown;
    }
    return &place->free[label];
}

static int follow_free(Codec *c, int place, PyObject *key, Py_ssize_t count, Step *step)
{
    Py_ssize_t size;
    const char *text = PyUnicode_AsUTF8AndSize(key, &size); /* fails on surrogates */
    int keys = c->nodes[c->places[place].node].keys;
    int32_t label = text && keys >= 0 ? label_of(&c->automata[keys], text, size) : -1;
    if (PyErr_Occurred())
        return 0;
    if (label < 0) {
        *step = (Step){.child = c->any, .place = place, .is_escaped = 1};
        return 1;
    }
    if (c->places[place].counts)
        return ask_step(c, place, key, count, step);
    int32_t *index = free_step(&c->places[place], label);
    if (index && *index >= 0) {
        *step = c->steps[*index];
        return 1;
    }
    if (!index || !ask_step(c, place, key, count, step))
        return 0;
    /* Asking may have moved the places. */
    return (c->places[place].free[label] = keep_step(c, step)) >= 0;
}

/* Follow a key, which must be a string and nothing derived from it. */
static int follow_key(Codec *c, int place, PyObject *key, Py_ssize_t count, Step *step)
{
    const Node *node = &c->nodes[c->places[place].node];
    PyObject *symbol = PyDict_GetItemWithError(node->known_keys, key);
    *step = (Step){0};
    if (!symbol)
        return !PyErr_Occurred() && follow_free(c, place, key, count, step);
    int done = follow_known(c, place, key, count, step);
    step->symbol = (int)PyLong_AsLong(symbol);
    return done;
}

/* The place after the value that decides at a tagged one; -1 if not sure. */
static int decide(Codec *c, int place, PyObject *value, int *is_allowed)
{
    int after = -1;
    *is_allowed = 1;
    PyObject *index = NULL;
    if (PyUnicode_CheckExact(value))
        index = PyDict_GetItemWithError(c->places[place].known, value);
    if (index)
        return (int)PyLong_AsLong(index);
    if (PyErr_Occurred())
        return -1;
    PyObject *found = PyObject_CallFunction(c->decide, "iO", place, value);
    int done = found && PyArg_ParseTuple(found, "ip", &after, is_allowed)
               && know_place(c, after);
    if (done && *is_allowed) {
        index = PyLong_FromLong(after);
        done = index && PyDict_SetItem(c->places[place].known, value, index) == 0;
        Py_XDECREF(index);
    }
    Py_XDECREF(found);
    return done ? after : -1;
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
