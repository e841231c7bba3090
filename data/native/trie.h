/* The trie of a vocabulary, as in data/tokenizer/masks/trie.py.

   Python holds sets of nodes, made here.  Automata are asked for when a text first
   needs one. */

#ifndef TCT_TRIE_H
#define TCT_TRIE_H

#include "automaton.h"

enum { NO_CHILD = -1, NO_ID = -1 };

typedef struct {
    uint32_t symbol;
    int32_t child, sibling;
    int32_t id; /* of the token that ends here */
} TrieNode;

/* A place of a walk: a node, and where the text's automaton is. */
typedef struct {
    int32_t node, state;
    uint32_t pending; /* bytes of an incomplete character, the last one lowest */
} Walker;

typedef struct {
    PyObject_HEAD
    TrieNode *nodes;
    size_t num_nodes;
    Automaton *automata;
    long num_automata;
    PyObject *plan; /* number -> what `load_automaton` reads */
    int is_busy;
    Walker *stack;
    size_t stack_room;
} Trie;

/* -- building ---------------------------------------------------------------------- */

/* Children by node and symbol, while the trie is built: open addressing. */
typedef struct {
    int32_t *children; /* NO_CHILD for an empty slot */
    size_t mask;
} Children;

/* A table for at most `most` nodes. */
static int make_children(Children *c, size_t most)
{
    size_t size = 64;
    while (size < 2 * most)
        size *= 2;
    c->children = malloc(size * sizeof *c->children);
    if (!c->children) {
        PyErr_NoMemory();
        return 0;
    }
    memset(c->children, 0xff, size * sizeof *c->children);
    c->mask = size - 1;
    return 1;
}

/* The slot of a child, or the empty one where it belongs. */
static int32_t *slot_of(const Trie *t, const Children *c, const int32_t *parents,
                           int32_t node, uint32_t symbol)
{
    uint64_t key = (uint64_t)(uint32_t)node << 21 ^ symbol;
    size_t at = (size_t)(key * 0x9e3779b97f4a7c15u >> 32) & c->mask;
    while (c->children[at] != NO_CHILD) {
        int32_t child = c->children[at];
        if (parents[child] == node && t->nodes[child].symbol == symbol)
            break;
        at = (at + 1) & c->mask;
    }
    return &c->children[at];
}

/* Add a token; the trie has room for a node for each of its symbols. */
static void insert(Trie *t, const Children *c, int32_t *parents,
                   const uint32_t *symbols, size_t size, uint16_t id)
{
    int32_t node = 0;
    for (size_t i = 0; i < size; i++) {
        int32_t *child = slot_of(t, c, parents, node, symbols[i]);
        if (*child == NO_CHILD) {
            *child = (int32_t)t->num_nodes++;
            parents[*child] = node;
            t->nodes[*child] =
                (TrieNode){symbols[i], NO_CHILD, t->nodes[node].child, NO_ID};
            t->nodes[node].child = *child;
        }
        node = *child;
    }
    t->nodes[node].id = id;
}

/* The number of symbols of all tokens; -1 with an error set. */
static Py_ssize_t count_symbols(PyObject *tokens)
{
    Py_ssize_t count = 0;
    for (Py_ssize_t i = 0; i < PyList_Size(tokens); i++) {
        Py_ssize_t size = PyUnicode_GetLength(PyList_GetItem(tokens, i));
        if (size < 0)
            return -1;
        count += size;
    }
    if (count <= INT32_MAX / 16)
        return count;
    PyErr_SetString(PyExc_ValueError, "a vocabulary of another size");
    return -1;
}

/* Build the trie of tokens, a list of strings. */
static int build(Trie *t, PyObject *tokens, const uint16_t *ids)
{
    Py_ssize_t most = count_symbols(tokens) + 1;
    if (most < 1)
        return 0;
    Children children = {0};
    int32_t *parents = calloc((size_t)most, sizeof *parents);
    uint32_t *symbols = calloc((size_t)most, sizeof *symbols);
    t->nodes = calloc((size_t)most, sizeof *t->nodes);
    int done = t->nodes && parents && symbols && make_children(&children, (size_t)most);
    if (done)
        t->nodes[t->num_nodes++] = (TrieNode){0, NO_CHILD, NO_CHILD, NO_ID};
    else if (!PyErr_Occurred())
        PyErr_NoMemory();
    for (Py_ssize_t i = 0; done && i < PyList_Size(tokens); i++) {
        PyObject *token = PyList_GetItem(tokens, i);
        done = PyUnicode_AsUCS4(token, symbols, most, 0) != NULL;
        if (done)
            insert(t, &children, parents, symbols, (size_t)PyUnicode_GetLength(token),
                   ids[i]);
    }
    free(children.children);
    free(parents);
    free(symbols);
    return done;
}

static int trie_init(PyObject *self, PyObject *arguments, PyObject *keywords)
{
    Trie *t = (Trie *)self;
    const char *ids;
    Py_ssize_t ids_size;
    PyObject *tokens, *plan;
    long num_automata;
    (void)keywords;
    if (t->plan) {
        PyErr_SetString(PyExc_TypeError, "a trie is made once");
        return -1;
    }
    if (!PyArg_ParseTuple(arguments, "O!y#lO", &PyList_Type, &tokens, &ids, &ids_size,
                          &num_automata, &plan))
        return -1;
    if (ids_size != 2 * PyList_Size(tokens) || num_automata < 0
        || num_automata > INT16_MAX) {
        PyErr_SetString(PyExc_ValueError, "a vocabulary of another size");
        return -1;
    }
    Py_INCREF(plan);
    t->plan = plan;
    t->automata = calloc((size_t)num_automata + 1, sizeof *t->automata);
    if (!t->automata) {
        PyErr_NoMemory();
        return -1;
    }
    t->num_automata = num_automata;
    return build(t, tokens, (const uint16_t *)ids) ? 0 : -1;
}

static int32_t child_of(const Trie *t, int32_t node, uint32_t symbol)
{
    int32_t child = t->nodes[node].child;
    while (child != NO_CHILD && t->nodes[child].symbol != symbol)
        child = t->nodes[child].sibling;
    return child;
}

/* -- sets of nodes ----------------------------------------------------------------- */

/* Read a node from an iterator: 1, or 0 at its end or with an error set. */
static int next_node(const Trie *t, PyObject *iterator, int32_t *node)
{
    PyObject *item = PyIter_Next(iterator);
    if (!item)
        return 0;
    long number = PyLong_AsLong(item);
    Py_DECREF(item);
    if (PyErr_Occurred())
        return 0;
    if (number < 0 || (size_t)number >= t->num_nodes) {
        PyErr_SetString(PyExc_ValueError, "no node of this trie");
        return 0;
    }
    *node = (int32_t)number;
    return 1;
}

/* Add a node to the set at `key` of a dict; takes over the reference to the key. */
static int add_node(PyObject *sets, PyObject *key, int32_t node)
{
    PyObject *set = key ? PyDict_GetItemWithError(sets, key) : NULL;
    int done = 0;
    if (key && !set && !PyErr_Occurred()) {
        set = PyFrozenSet_New(NULL); /* may grow while only the dict holds it */
        if (set && PyDict_SetItem(sets, key, set) < 0)
            Py_CLEAR(set);
        Py_XDECREF(set); /* the dict holds it */
    }
    if (set) {
        PyObject *number = PyLong_FromLong(node);
        done = number && PySet_Add(set, number) == 0;
        Py_XDECREF(number);
    }
    Py_XDECREF(key);
    return done;
}

/* structure(nodes): structure symbols that may follow, each with the nodes after it. */
static PyObject *trie_structure(PyObject *self, PyObject *nodes)
{
    Trie *t = (Trie *)self;
    PyObject *iterator = PyObject_GetIter(nodes), *found = PyDict_New();
    int32_t node;
    int done = iterator && found;
    while (done && next_node(t, iterator, &node)) {
        int32_t child = t->nodes[node].child;
        for (; done && child != NO_CHILD; child = t->nodes[child].sibling) {
            uint32_t symbol = t->nodes[child].symbol;
            if (symbol > END_CHARACTER && symbol <= LAST_STRUCTURE)
                done = add_node(found, PyUnicode_FromOrdinal((int)symbol), child);
        }
    }
    Py_XDECREF(iterator);
    if (!done || PyErr_Occurred())
        Py_CLEAR(found);
    return found;
}

/* ends(nodes): ids of the tokens that end there, as bytes of uint16. */
static PyObject *trie_ends(PyObject *self, PyObject *nodes)
{
    Trie *t = (Trie *)self;
    PyObject *iterator = PyObject_GetIter(nodes), *made = NULL;
    Symbols ids = {0};
    int32_t node;
    int done = iterator != NULL;
    while (done && next_node(t, iterator, &node))
        if (t->nodes[node].id != NO_ID)
            done = put(&ids, (uint16_t)t->nodes[node].id);
    if (done && !PyErr_Occurred())
        made = PyBytes_FromStringAndSize((char *)ids.data, (Py_ssize_t)ids.size * 2);
    Py_XDECREF(iterator);
    free(ids.data);
    return made;
}

/* -- texts ------------------------------------------------------------------------- */

/* Whether a character of several bytes may begin with these, see symbols.py. */
static int may_begin_character(uint32_t bytes, int count)
{
    uint32_t first = bytes >> 8 * (count - 1);
    int size = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (first < 0xc2 || first > 0xf4 || count > size)
        return 0;
    for (int i = 1; i < count; i++) {
        uint32_t byte = bytes >> 8 * (count - 1 - i) & 0xff;
        uint32_t low = 0x80, high = 0xbf;
        if (i == 1) {
            low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : low;
            high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : high;
        }
        if (byte < low || byte > high)
            return 0;
    }
    return 1;
}

static int count_bytes(uint32_t pending)
{
    return pending ? 1 + count_bytes(pending >> 8) : 0;
}

/* Read a text symbol; 0 if it leaves none of the labels in reach. */
static int read_symbol(const Automaton *a, Walker *w, uint32_t symbol, uint64_t labels)
{
    if (symbol >= BYTE_CHARACTERS + 0x80 && symbol <= BYTE_CHARACTERS + 0xff) {
        uint32_t bytes = w->pending << 8 | (symbol - BYTE_CHARACTERS);
        int count = count_bytes(w->pending) + 1;
        if (count > 4 || !may_begin_character(bytes, count))
            return 0;
        uint32_t first = bytes >> 8 * (count - 1);
        if (count < (first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4)) {
            /* The character is unknown yet: one without a column must be allowed. */
            int32_t other = a->table[w->state * a->num_columns];
            w->pending = bytes;
            return other >= 0 && a->reach[other] & labels;
        }
        unsigned char text[4];
        const unsigned char *p = text;
        for (int i = 0; i < count; i++)
            text[i] = (unsigned char)(bytes >> 8 * (count - 1 - i));
        symbol = next_character(&p);
        w->pending = 0;
    } else if (w->pending || (symbol >= END_CHARACTER && symbol <= LAST_STRUCTURE))
        return 0;
    w->state = a->table[w->state * a->num_columns + column_of(a, symbol)];
    return w->state >= 0 && a->reach[w->state] & labels;
}

/* Follow all tokens that continue from a node of a walk. */
static int walk_children(Trie *t, const Automaton *a, Walker from, uint64_t labels,
                         size_t *size, Symbols *inside, PyObject *after)
{
    int32_t child = t->nodes[from.node].child;
    for (; child != NO_CHILD; child = t->nodes[child].sibling) {
        const TrieNode *node = &t->nodes[child];
        if (node->symbol == END_CHARACTER) {
            int32_t label = a->labels[from.state];
            if (!from.pending && label >= 0 && labels >> label & 1
                && !add_node(after, PyLong_FromLong(label), child))
                return 0;
            continue;
        }
        Walker to = {child, from.state, from.pending};
        if (!read_symbol(a, &to, node->symbol, labels))
            continue;
        if ((node->id != NO_ID && !put(inside, (uint16_t)node->id))
            || !reserve((void **)&t->stack, &t->stack_room, *size, 1, sizeof to))
            return 0;
        t->stack[(*size)++] = to;
    }
    return !PyErr_Occurred();
}

static int walk_text(Trie *t, const Automaton *a, PyObject *nodes, Walker from,
                     uint64_t labels, Symbols *inside, PyObject *after)
{
    PyObject *iterator = PyObject_GetIter(nodes);
    int done = iterator != NULL;
    while (done && next_node(t, iterator, &from.node)) {
        size_t size = 0;
        done = walk_children(t, a, from, labels, &size, inside, after);
        while (done && size) {
            Walker next = t->stack[--size];
            done = walk_children(t, a, next, labels, &size, inside, after);
        }
    }
    Py_XDECREF(iterator);
    return done && !PyErr_Occurred();
}

/* The automaton of this number; NULL if it is not known or has too many labels. */
static const Automaton *automaton_of(Trie *t, long number)
{
    if (number < 0 || number >= t->num_automata) {
        PyErr_SetString(PyExc_ValueError, "no such automaton");
        return NULL;
    }
    Automaton *a = &t->automata[number];
    if (!a->classes) {
        PyObject *plan = PyObject_CallFunction(t->plan, "l", number);
        Automaton made = {0};
        int done = plan && !a->classes && load_automaton(&made, plan);
        Py_XDECREF(plan);
        if (!done) {
            clear_automaton(&made);
            return a->classes ? a : NULL;
        }
        *a = made;
    }
    return a->reach ? a : NULL;
}

/* text(nodes, automaton, state, pending, labels): the ids of the tokens that end
   inside the text, and by label the nodes after its END. */
static PyObject *trie_text(PyObject *self, PyObject *arguments)
{
    Trie *t = (Trie *)self;
    PyObject *nodes;
    long number;
    const char *pending;
    Py_ssize_t state, size;
    unsigned long long labels;
    if (!PyArg_ParseTuple(arguments, "Olny#K", &nodes, &number, &state, &pending, &size,
                          &labels))
        return NULL;
    const Automaton *a = automaton_of(t, number);
    if (!a || t->is_busy || state < 0 || state >= a->num_states || size > 3)
        return not_sure();
    Walker from = {0, (int32_t)state, 0};
    for (Py_ssize_t i = 0; i < size; i++)
        from.pending = from.pending << 8 | (unsigned char)pending[i];
    Symbols inside = {0};
    PyObject *after = PyDict_New(), *found = NULL;
    t->is_busy = 1;
    if (after && walk_text(t, a, nodes, from, labels, &inside, after))
        found = Py_BuildValue("y#O", inside.data ? (char *)inside.data : "",
                              (Py_ssize_t)inside.size * 2, after);
    t->is_busy = 0;
    Py_XDECREF(after);
    free(inside.data);
    return found;
}

/* beginning(nodes, symbols): ids of the tokens that continue with the symbols. */
static PyObject *trie_beginning(PyObject *self, PyObject *arguments)
{
    Trie *t = (Trie *)self;
    PyObject *nodes, *symbols, *iterator, *found = NULL;
    if (!PyArg_ParseTuple(arguments, "OU", &nodes, &symbols)
        || !(iterator = PyObject_GetIter(nodes)))
        return NULL;
    Symbols ids = {0};
    Py_ssize_t length = PyUnicode_GetLength(symbols);
    int done = 1;
    int32_t node;
    while (done && next_node(t, iterator, &node)) {
        for (Py_ssize_t i = 0; i < length && node != NO_CHILD; i++)
            node = child_of(t, node, PyUnicode_ReadChar(symbols, i));
        size_t size = 0;
        for (Walker next = {node, 0, 0}; done && next.node != NO_CHILD;) {
            const TrieNode *at = &t->nodes[next.node];
            done = at->id == NO_ID || put(&ids, (uint16_t)at->id);
            for (int32_t c = at->child; done && c != NO_CHILD; c = t->nodes[c].sibling) {
                done = reserve((void **)&t->stack, &t->stack_room, size, 1,
                               sizeof next);
                if (done)
                    t->stack[size++] = (Walker){c, 0, 0};
            }
            next = size ? t->stack[--size] : (Walker){NO_CHILD, 0, 0};
        }
    }
    Py_DECREF(iterator);
    if (done && !PyErr_Occurred())
        found = PyBytes_FromStringAndSize((char *)ids.data, (Py_ssize_t)ids.size * 2);
    free(ids.data);
    return found;
}

/* -- the type ---------------------------------------------------------------------- */

static int trie_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((Trie *)self)->plan);
    return 0;
}

static int trie_clear(PyObject *self)
{
    Py_CLEAR(((Trie *)self)->plan);
    return 0;
}

static void trie_dealloc(PyObject *self)
{
    Trie *t = (Trie *)self;
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    trie_clear(self);
    for (long i = 0; i < t->num_automata; i++)
        clear_automaton(&t->automata[i]);
    free(t->automata);
    free(t->nodes);
    free(t->stack);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(self);
    Py_DECREF(type);
}

static PyMethodDef trie_methods[] = {
    {"structure", trie_structure, METH_O, "structure(nodes): nodes by symbol"},
    {"ends", trie_ends, METH_O, "ends(nodes): ids of the tokens that end there"},
    {"text", trie_text, METH_VARARGS,
     "text(nodes, automaton, state, pending, labels): ids inside, nodes after by label"},
    {"beginning", trie_beginning, METH_VARARGS, "beginning(nodes, symbols): ids"},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot trie_slots[] = {
    {Py_tp_doc, "The trie of a vocabulary; NotImplemented where it is not sure."},
    {Py_tp_init, trie_init},
    {Py_tp_new, PyType_GenericNew},
    {Py_tp_traverse, trie_traverse},
    {Py_tp_clear, trie_clear},
    {Py_tp_dealloc, trie_dealloc},
    {Py_tp_methods, trie_methods},
    {0, NULL},
};

static PyType_Spec trie_spec = {
    .name = "tct.data.native._core.Trie",
    .basicsize = sizeof(Trie),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = trie_slots,
};

#endif
