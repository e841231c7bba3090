/* Cut symbols into the fewest tokens, as data/tokenizer/segmenter.py does.

   Dynamic programming over positions: from each position, follow the trie of the
   vocabulary along the text.  Of several shortest ways to a position the one whose last
   token is longest wins, which is the first that is found.

   The trie is a double array: the child of node n by symbol s is at base[n] + s, if
   the symbol written there is s.  No two nodes have the same base, so that suffices.

   Chunks repeat, so their tokens are kept: a table of hashes, and a store of symbols
   and ids that is emptied when it is full. */

#ifndef TCT_SEGMENT_H
#define TCT_SEGMENT_H

#include "common.h"

enum {
    MAX_TRIE = 1 << 20,    /* slots */
    CACHE_SLOTS = 1 << 16,
    CACHE_STORE = 1 << 22, /* symbols and ids, 8 MB */
    LONGEST_CACHED = 1 << 12,
    NO_TOKEN = 0xffff,
    NO_SYMBOL = 0xffff,
};

typedef struct {
    int32_t base;
    uint16_t symbol, token;
} TrieSlot;

typedef struct {
    uint64_t hash;
    uint32_t at; /* of the symbols in the store; the ids follow */
    uint16_t num_symbols, num_ids;
} CachedChunk;

typedef struct {
    TrieSlot *trie;
    int32_t trie_size;
    CachedChunk *cache;
    uint16_t *store;
    uint32_t stored;
    /* by position of a chunk: tokens before it, and the last of them */
    struct Step { int32_t cost, start; uint16_t token; } *steps;
    size_t num_steps;
} Segmenter;

/* -- building ---------------------------------------------------------------------- */

/* A node of the trie while it is built: children and siblings are linked. */
typedef struct {
    int32_t child, sibling;
    uint16_t symbol, token;
} Link;

typedef struct {
    Link *data;
    size_t size, room;
} Links;

static int32_t find_child(Links *links, int32_t at, uint16_t symbol)
{
    for (int32_t c = links->data[at].child; c >= 0; c = links->data[c].sibling)
        if (links->data[c].symbol == symbol)
            return c;
    if (links->size == MAX_TRIE
        || !reserve((void **)&links->data, &links->room, links->size, 1, sizeof(Link)))
        return -1;
    int32_t made = (int32_t)links->size++;
    links->data[made] = (Link){-1, links->data[at].child, symbol, NO_TOKEN};
    links->data[at].child = made;
    return made;
}

/* Link the tokens: pairs of symbols, as the bytes of uint16, and an id. */
static int link_tokens(Links *links, PyObject *tokens)
{
    if (!reserve((void **)&links->data, &links->room, 0, 1, sizeof(Link)))
        return 0;
    links->data[links->size++] = (Link){-1, -1, NO_SYMBOL, NO_TOKEN};
    for (Py_ssize_t i = 0; i < PyList_Size(tokens); i++) {
        const char *data;
        Py_ssize_t size;
        unsigned short id;
        if (!PyArg_ParseTuple(PyList_GetItem(tokens, i), "y#H", &data, &size, &id))
            return 0;
        int32_t at = 0;
        for (Py_ssize_t k = 0; k + 1 < size && at >= 0; k += 2) {
            uint16_t symbol;
            memcpy(&symbol, data + k, 2);
            at = find_child(links, at, symbol);
        }
        if (at <= 0)
            return 0;
        links->data[at].token = id;
    }
    return 1;
}

/* The first base, from `base` on, at which all children of a node find free slots. */
static int32_t free_base(Segmenter *s, const Links *links, int32_t node, int32_t base,
                         const uint8_t *used)
{
    for (; base + NO_SYMBOL < s->trie_size; base++) {
        int fits = !used[base];
        for (int32_t c = links->data[node].child; c >= 0 && fits;
             c = links->data[c].sibling)
            fits = s->trie[base + links->data[c].symbol].symbol == NO_SYMBOL;
        if (fits)
            return base;
    }
    return -1;
}

/* Place the nodes, level by level. */
static int place_nodes(Segmenter *s, const Links *links, int32_t *place,
                       int32_t *queue, uint8_t *used)
{
    size_t head = 0, tail = 0;
    int32_t base = 1; /* slot 0 is the root's own */
    place[0] = 0;
    queue[tail++] = 0;
    while (head < tail) {
        int32_t node = queue[head++];
        TrieSlot *slot = &s->trie[place[node]];
        if (links->data[node].child < 0)
            continue; /* its base stays 0, which is nobody's */
        int32_t found = free_base(s, links, node, base, used);
        if (found < 0)
            return 0;
        if (found > base + 64) /* the slots before are almost full */
            base = found - 32;
        used[found] = 1;
        slot->base = found;
        for (int32_t c = links->data[node].child; c >= 0;
             c = links->data[c].sibling) {
            const Link *child = &links->data[c];
            place[c] = found + child->symbol;
            s->trie[place[c]].symbol = child->symbol;
            s->trie[place[c]].token = child->token;
            queue[tail++] = c;
        }
    }
    return 1;
}

static int build_trie(Segmenter *s, const Links *links)
{
    size_t size = 4 * links->size + 2 * NO_SYMBOL;
    s->trie = malloc(size * sizeof *s->trie);
    s->trie_size = (int32_t)size;
    int32_t *place = calloc(links->size, sizeof *place);
    int32_t *queue = calloc(links->size, sizeof *queue);
    uint8_t *used = calloc(size, 1);
    int done = 0;
    if (s->trie && place && queue && used) {
        for (size_t i = 0; i < size; i++)
            s->trie[i] = (TrieSlot){0, NO_SYMBOL, NO_TOKEN};
        done = place_nodes(s, links, place, queue, used);
    } else
        PyErr_NoMemory();
    free(place);
    free(queue);
    free(used);
    return done;
}

static int init_segmenter(Segmenter *s, PyObject *tokens)
{
    Links links = {0};
    int done = link_tokens(&links, tokens) && build_trie(s, &links);
    free(links.data);
    if (!done)
        return 0;
    s->cache = calloc(CACHE_SLOTS, sizeof *s->cache);
    s->store = malloc(CACHE_STORE * sizeof *s->store);
    if (!s->cache || !s->store) {
        PyErr_NoMemory();
        return 0;
    }
    return 1;
}

static void clear_segmenter(Segmenter *s)
{
    free(s->trie);
    free(s->cache);
    free(s->store);
    free(s->steps);
}

/* -- cutting ----------------------------------------------------------------------- */

static uint64_t hash_symbols(const uint16_t *symbols, size_t size)
{
    uint64_t hash = 0x9e3779b97f4a7c15u ^ size;
    size_t i = 0;
    for (; i + 4 <= size; i += 4) {
        uint64_t four;
        memcpy(&four, symbols + i, 8);
        hash = (hash ^ four) * 0xff51afd7ed558ccdu;
        hash ^= hash >> 32;
    }
    for (; i < size; i++)
        hash = (hash ^ symbols[i]) * 0xff51afd7ed558ccdu;
    return hash ^ hash >> 29;
}

/* Fill `steps`; return whether the vocabulary covers the symbols. */
static int find_steps(Segmenter *s, const uint16_t *symbols, size_t size)
{
    struct Step *steps = s->steps;
    const TrieSlot *trie = s->trie;
    for (size_t i = 1; i <= size; i++)
        steps[i].cost = INT32_MAX;
    steps[0].cost = 0;
    for (size_t start = 0; start < size; start++) {
        if (steps[start].cost == INT32_MAX)
            return 0;
        int32_t cost = steps[start].cost + 1, base = trie[0].base;
        for (size_t at = start; at < size && base;) {
            TrieSlot slot = trie[base + symbols[at]];
            if (slot.symbol != symbols[at])
                break;
            base = slot.base;
            struct Step *step = &steps[++at];
            if (slot.token != NO_TOKEN && cost < step->cost)
                *step = (struct Step){cost, (int32_t)start, slot.token};
        }
    }
    return steps[size].cost != INT32_MAX;
}

static void remember(Segmenter *s, uint64_t hash, const uint16_t *symbols, size_t size,
                     const uint16_t *ids, size_t num_ids)
{
    if (size > LONGEST_CACHED)
        return;
    if (s->stored + size + num_ids > CACHE_STORE) {
        memset(s->cache, 0, CACHE_SLOTS * sizeof *s->cache);
        s->stored = 0;
    }
    s->cache[hash & (CACHE_SLOTS - 1)] =
        (CachedChunk){hash, s->stored, (uint16_t)size, (uint16_t)num_ids};
    memcpy(s->store + s->stored, symbols, 2 * size);
    memcpy(s->store + s->stored + size, ids, 2 * num_ids);
    s->stored += (uint32_t)(size + num_ids);
}

/* Append the ids of a chunk to `ids`. */
static int segment(Segmenter *s, const Symbols *chunk, Symbols *ids)
{
    const uint16_t *symbols = chunk->data;
    size_t size = chunk->size;
    if (!size)
        return 1;
    if (size >= INT32_MAX || !reserve_symbols(ids, size))
        return 0;
    uint16_t *to = ids->data + ids->size;
    uint64_t hash = hash_symbols(symbols, size);
    const CachedChunk *known = &s->cache[hash & (CACHE_SLOTS - 1)];
    if (known->hash == hash && known->num_symbols == size
        && memcmp(s->store + known->at, symbols, 2 * size) == 0) {
        memcpy(to, s->store + known->at + size, 2 * (size_t)known->num_ids);
        ids->size += known->num_ids;
        return 1;
    }
    if (!reserve((void **)&s->steps, &s->num_steps, 0, size + 1, sizeof *s->steps)
        || !find_steps(s, symbols, size))
        return 0;
    size_t num_ids = (size_t)s->steps[size].cost, left = num_ids;
    for (size_t at = size; at; at = (size_t)s->steps[at].start)
        to[--left] = s->steps[at].token;
    remember(s, hash, symbols, size, to, num_ids);
    ids->size += num_ids;
    return 1;
}

#endif
