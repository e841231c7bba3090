/* YAML text to values, as the four layers of data/documents/yaml_*.py read it.

   Not sure: anchors, aliases, tags, directives, explicit keys, tabs in indentation,
   several documents, characters that belong in quotes, and whatever is an error. */

#ifndef TCT_READ_YAML_H
#define TCT_READ_YAML_H

#include "yaml_scalars.h"

enum { MAX_LEVELS = 128 }; /* see data/documents/json_text.py */

static PyObject *read_node(Reader *r, int parent, int column);
static PyObject *read_after(Reader *r, int column, int may_dash, int is_compact);

/* Count a value, or a level of collections. */
static int count(Reader *r) { return ++r->nodes <= MAX_NODES; }
static int enter(Reader *r) { return count(r) && ++r->depth <= MAX_LEVELS; }

static inline int is_indicator(const char *p, char c)
{
    return *p == c && is_space(p[1]);
}

static inline int is_mark(const char *p)
{
    return (strncmp(p, "---", 3) == 0 || strncmp(p, "...", 3) == 0) && is_space(p[3]);
}

/* -- lines ------------------------------------------------------------------------- */

/* Move from the end of a node to the content of the next line that has any. */
static int next_line(Reader *r)
{
    const char *p = skip_blanks(r->p);
    if (*p == '#' && p > r->begun && strchr(" \t]}\"'", p[-1]))
        p = line_end(p);
    if (*p != '\n')
        return 0;
    for (;;) {
        const char *line = ++p;
        while (*p == ' ')
            p++;
        r->indent = (int)(p - line);
        const char *content = skip_blanks(p);
        if (*content == '#')
            content = line_end(content);
        if (*content != '\n') {
            r->p = content;
            if (content == r->end)
                r->indent = -1;
            else if (content > p) /* a tab in the indentation */
                return 0;
            return r->indent || !is_mark(content);
        }
        p = content;
    }
}

/* -- flow collections -------------------------------------------------------------- */

static PyObject *read_flow(Reader *r);

/* Move to the next token of a flow collection. */
static int skip_gap(Reader *r)
{
    const char *p = r->p;
    for (;;) {
        p = skip_blanks(p);
        if (*p == '#' && strchr(" \t\n]}\"'", p[-1]))
            p = line_end(p);
        if (*p != '\n')
            break;
        if (is_mark(++p))
            return 0;
    }
    r->p = p;
    return p < r->end;
}

static PyObject *read_flow_plain(Reader *r)
{
    if (!is_plain_start(r->p, 1) || !count(r))
        return NULL;
    const char *begun = r->p, *end = plain_end(begun + 1, 1), *next = end;
    while (is_space(*next))
        next++;
    if (*end == ':' || (*end == '\n' && !strchr(",]}#", *next)))
        return NULL; /* a pair without braces, or text that goes on */
    r->p = end;
    return plain_value(r, begun, (size_t)(strip_blanks(begun, end) - begun));
}

static PyObject *read_flow_node(Reader *r)
{
    if (*r->p == '[' || *r->p == '{')
        return read_flow(r);
    if (*r->p == '"' || *r->p == '\'')
        return count(r) ? read_quoted(r) : NULL;
    return read_flow_plain(r);
}

/* Read a key of a flow mapping and its colon. */
static PyObject *read_flow_key(Reader *r)
{
    PyObject *key;
    if (*r->p == '"' || *r->p == '\'') {
        const char *begun = r->p;
        key = read_quoted(r);
        if (key && memchr(begun, '\n', (size_t)(r->p - begun)))
            Py_CLEAR(key);
        r->p = skip_blanks(r->p);
    } else {
        if (!is_plain_start(r->p, 1))
            return NULL;
        const char *begun = r->p, *end = plain_end(begun + 1, 1);
        size_t size = (size_t)(strip_blanks(begun, end) - begun);
        key = make_string(r->interned, begun, size);
        r->p = end;
    }
    if (key && *r->p != ':')
        Py_CLEAR(key);
    r->p++;
    return key;
}

/* Put a pair into a mapping; takes the references. */
static int add_pair(PyObject *pairs, PyObject *key, PyObject *value)
{
    int done = key && value && PyDict_Contains(pairs, key) == 0
               && PyDict_SetItem(pairs, key, value) == 0;
    Py_XDECREF(key);
    Py_XDECREF(value);
    return done;
}

/* Append to a sequence; takes the reference. */
static int add_item(PyObject *items, PyObject *value)
{
    int done = value && PyList_Append(items, value) == 0;
    Py_XDECREF(value);
    return done;
}

static int read_flow_entry(Reader *r, PyObject *made, int is_mapping)
{
    if (!is_mapping)
        return add_item(made, read_flow_node(r));
    PyObject *key = read_flow_key(r);
    PyObject *value = key && skip_gap(r) ? read_flow_node(r) : NULL;
    return add_pair(made, key, value);
}

static PyObject *read_flow(Reader *r)
{
    int is_mapping = *r->p++ == '{';
    char closing = is_mapping ? '}' : ']';
    PyObject *made = is_mapping ? PyDict_New() : PyList_New(0);
    int done = made && enter(r) && skip_gap(r);
    while (done && *r->p != closing) {
        done = read_flow_entry(r, made, is_mapping) && skip_gap(r);
        if (done && *r->p == ',') {
            r->p++;
            done = skip_gap(r);
        } else
            done = done && *r->p == closing;
    }
    r->p++;
    r->depth--;
    if (!done)
        Py_CLEAR(made);
    return made;
}

/* -- scalars ----------------------------------------------------------------------- */

/* Read the continuation lines of plain text into `scratch`; whether there are any. */
static int read_more(Reader *r, const char *begun, const char *end, int parent)
{
    int has_more = 0;
    while (*r->p == '\n') {
        const char *p = r->p;
        size_t breaks = 0;
        const char *line = p;
        for (; *p == '\n'; p += strspn(p, " ")) {
            line = ++p;
            breaks++;
        }
        if (*p == '\t')
            return -1;
        if (p - line <= parent || p == r->end || *p == '#'
            || (*p == ':' && is_space(p[1])))
            break;
        if (!has_more) {
            r->scratch.size = 0;
            if (!append(&r->scratch, begun, (size_t)(end - begun)))
                return -1;
        }
        has_more = 1;
        r->p = plain_end(p + (*p == ':'), 0);
        if (!append_fold(&r->scratch, breaks)
            || !append(&r->scratch, p, (size_t)(strip_blanks(p, r->p) - p)))
            return -1;
    }
    return has_more;
}

static PyObject *read_plain(Reader *r, int parent)
{
    if (!is_plain_start(r->p, 0))
        return NULL;
    const char *begun = r->p;
    r->p = plain_end(begun + 1, 0);
    const char *end = strip_blanks(begun, r->p);
    int has_more = read_more(r, begun, end, parent);
    if (has_more < 0)
        return NULL;
    if (has_more)
        return plain_value(r, r->scratch.data, r->scratch.size);
    return plain_value(r, begun, (size_t)(end - begun));
}

/* Read a scalar or flow collection, and move to the next line. */
static PyObject *read_inline(Reader *r, int parent)
{
    PyObject *value;
    switch (*r->p) {
    case '[': case '{':
        value = read_flow(r);
        break;
    case '"': case '\'':
        value = count(r) ? read_quoted(r) : NULL;
        break;
    case '|': case '>':
        value = count(r) ? read_block_scalar(r, parent) : NULL;
        break;
    default:
        value = count(r) ? read_plain(r, parent) : NULL;
    }
    if (value && !next_line(r))
        Py_CLEAR(value);
    return value;
}

/* -- block collections ------------------------------------------------------------- */

/* The colon of the key that begins here; NULL if none does. */
static const char *key_colon(const Reader *r)
{
    const char *p = r->p;
    if (*p == '"' || *p == '\'') {
        const char *end = closing_quote(p, r->end);
        if (!end || memchr(p, '\n', (size_t)(end - p)))
            return NULL;
        p = skip_blanks(end + 1);
    } else {
        if (!is_plain_start(p, 0))
            return NULL;
        p = plain_end(p + 1, 0);
    }
    return *p == ':' && is_space(p[1]) ? p : NULL;
}

/* Read an implicit key and its colon. */
static PyObject *read_block_key(Reader *r)
{
    const char *begun = r->p, *colon = key_colon(r);
    if (!colon || colon - begun > MAX_KEY)
        return NULL;
    PyObject *key;
    if (*begun == '"' || *begun == '\'')
        key = read_quoted(r);
    else
        key = make_string(r->interned, begun,
                          (size_t)(strip_blanks(begun, colon) - begun));
    r->p = colon + 1;
    return key;
}

static PyObject *read_mapping(Reader *r, int column)
{
    PyObject *pairs = PyDict_New();
    int done = pairs && enter(r);
    while (done) {
        PyObject *key = read_block_key(r);
        done = add_pair(pairs, key, key ? read_after(r, column, 1, 0) : NULL);
        if (r->indent < column)
            break;
        done = done && r->indent == column;
    }
    r->depth--;
    if (!done)
        Py_CLEAR(pairs);
    return pairs;
}

static PyObject *read_sequence(Reader *r, int column)
{
    PyObject *items = PyList_New(0);
    int done = items && enter(r);
    while (done) {
        r->p++;
        done = add_item(items, read_after(r, column, 0, 1));
        if (!done) /* r->p may lie behind the text */
            break;
        if (r->indent < column || (r->indent == column && !is_indicator(r->p, '-')))
            break;
        done = r->indent == column;
    }
    r->depth--;
    if (!done)
        Py_CLEAR(items);
    return items;
}

/* Read the node behind an indicator, on this line or a later one.

   parent: column of the collection.
   may_dash: whether it may be a sequence in that column, as below a key.
   is_compact: whether a block collection may begin on this line, as in `- a: 1`. */
static PyObject *read_after(Reader *r, int parent, int may_dash, int is_compact)
{
    const char *begun = r->p, *p = skip_blanks(begun);
    if (*p == '\n' || (*p == '#' && p > begun)) {
        if (!next_line(r))
            return NULL;
        int is_below = r->indent > parent
                       || (may_dash && r->indent == parent && is_indicator(r->p, '-'));
        if (is_below)
            return read_node(r, parent, r->indent);
        if (!count(r))
            return NULL;
        Py_INCREF(Py_None);
        return Py_None;
    }
    r->p = p;
    if (!is_compact)
        return read_inline(r, parent);
    if (memchr(begun, '\t', (size_t)(p - begun)))
        return NULL;
    return read_node(r, parent, parent + 1 + (int)(p - begun));
}

/* Read a node that begins in a column, where a block collection may begin. */
static PyObject *read_node(Reader *r, int parent, int column)
{
    if (is_indicator(r->p, '-'))
        return read_sequence(r, column);
    if (key_colon(r))
        return read_mapping(r, column);
    return read_inline(r, parent);
}

/* -- documents --------------------------------------------------------------------- */

/* Whether all characters may stand outside of quotes, and none is a byte order mark. */
static int is_clean(const unsigned char *text, size_t size)
{
    unsigned char odd = 0, high = 0;
    for (size_t i = 0; i < size; i++) {
        unsigned char c = text[i];
        odd |= ((c < 0x20) & (c != '\n') & (c != '\t')) | (c == 0x7f);
        high |= c;
    }
    if (odd)
        return 0;
    if (high < 0x80)
        return 1;
    for (size_t i = 0; i < size; i++) /* UTF-8, so the bytes that follow are there */
        if ((text[i] == 0xc2 && text[i + 1] < 0xa0)
            || (text[i] == 0xef && text[i + 1] >= 0xbb && text[i + 2] >= 0xbe))
            return 0;
    return 1;
}

/* Read the only document, which must be a block mapping. */
static PyObject *read_document(Reader *r)
{
    for (r->p = r->begun; *r->p == ' ' || *r->p == '\n'; r->p++)
        ;
    if (*r->p == '#') { /* next_line wants white space before it */
        r->p = line_end(r->p);
        if (!next_line(r) && strncmp(r->p, "---", 3) != 0)
            return NULL;
    }
    if (strncmp(r->p, "---", 3) == 0 && is_space(r->p[3])
        && (r->p == r->begun || r->p[-1] == '\n')) {
        r->p += 3;
        if (!next_line(r))
            return NULL;
    } else {
        const char *line = r->p;
        while (line > r->begun && line[-1] == ' ')
            line--;
        r->indent = (int)(r->p - line);
    }
    if (r->p == r->end || *r->p == '%' || !key_colon(r))
        return NULL;
    PyObject *value = read_mapping(r, r->indent);
    if (value && r->p != r->end)
        Py_CLEAR(value);
    return value;
}

/* Read a text that ends in a line break, perhaps one that is added here. */
static PyObject *read_text_of(Reader *r, const char *text, size_t size)
{
    Bytes copy = {0};
    r->is_cut = text[size - 1] != '\n';
    if (r->is_cut) {
        if (!append(&copy, text, size) || !append(&copy, "\n", 2)) {
            free(copy.data);
            return NULL;
        }
        text = copy.data;
        size++;
    }
    r->begun = text;
    r->end = text + size;
    PyObject *value = read_document(r);
    free(copy.data);
    return value;
}

static PyObject *read_yaml(PyObject *module, PyObject *text)
{
    Py_ssize_t size;
    const char *data = PyUnicode_AsUTF8AndSize(text, &size);
    PyObject *value = NULL;
    if (data && size && size < MAX_CHARACTERS
        && is_clean((const unsigned char *)data, (size_t)size)) {
        Reader reader = {.interned = PyModule_GetState(module)};
        value = read_text_of(&reader, data, (size_t)size);
        free(reader.scratch.data);
    }
    return value ? value : not_sure();
}

#endif
