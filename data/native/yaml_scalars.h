/* YAML scalars: where plain text ends, the text of quoted and block scalars, and the
   values of plain ones, as data/documents/yaml_scalars.py has them.

   The text ends in a line break and the zero byte behind it, so a look at the next
   character is always allowed. */

#ifndef TCT_YAML_SCALARS_H
#define TCT_YAML_SCALARS_H

#include "common.h"

typedef struct {
    const char *begun, *end; /* of the text; *end is the zero byte */
    const char *p;           /* the next character */
    int indent;              /* spaces before this line's content; -1 at the end */
    int depth, nodes;
    int is_cut;              /* whether the last line break is not the author's */
    Bytes scratch;           /* for a text that is put together */
    Interned *interned;
} Reader;

/* Bounds, see data/documents/rejects.py and yaml_flow.py. */
enum { MAX_NODES = 200000, MAX_CHARACTERS = 2 << 20, MAX_KEY = 1024 };

static inline int is_blank(char c) { return c == ' ' || c == '\t'; }
static inline int is_space(char c) { return c == ' ' || c == '\t' || c == '\n'; }
static inline int is_flow_end(char c) { return c && strchr(",[]{}", c) != NULL; }

static inline const char *skip_blanks(const char *p)
{
    while (is_blank(*p))
        p++;
    return p;
}

static inline const char *strip_blanks(const char *begun, const char *end)
{
    while (end > begun && is_blank(end[-1]))
        end--;
    return end;
}

/* -- plain text -------------------------------------------------------------------- */

/* Whether plain text may begin here. */
static int is_plain_start(const char *p, int in_flow)
{
    if (*p == '-' || *p == '?' || *p == ':')
        return !is_space(p[1]) && !(in_flow && is_flow_end(p[1]));
    return *p && !is_space(*p) && !strchr(",[]{}#&*!|>'\"%@`", *p);
}

/* The end of the plain text of a line, from a character inside of it. */
static const char *plain_end(const char *p, int in_flow)
{
    for (;; p++) {
        switch (*p) {
        case '\n':
            return p;
        case ':':
            if (is_space(p[1]) || (in_flow && is_flow_end(p[1])))
                return p;
            break;
        case '#':
            if (is_blank(p[-1]))
                return p;
            break;
        case ',': case '[': case ']': case '{': case '}':
            if (in_flow)
                return p;
            break;
        }
    }
}

/* -- values of plain text ---------------------------------------------------------- */

static const char *skip_digits(const char *p, const char *end)
{
    while (p < end && *p >= '0' && *p <= '9')
        p++;
    return p;
}

/* Whether the text is a float of the core schema; integers are, too. */
static int is_float(const char *p, const char *end)
{
    if (p < end && (*p == '-' || *p == '+'))
        p++;
    const char *whole = skip_digits(p, end);
    int has_digits = whole > p;
    p = whole;
    if (p < end && *p == '.') {
        const char *rest = skip_digits(p + 1, end);
        has_digits |= rest > p + 1;
        p = rest;
    }
    if (!has_digits)
        return 0;
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < end && (*p == '-' || *p == '+'))
            p++;
        const char *rest = skip_digits(p, end);
        if (rest == p)
            return 0;
        p = rest;
    }
    return p == end;
}

static PyObject *float_of(const char *text, size_t size)
{
    PyObject *string = PyUnicode_FromStringAndSize(text, (Py_ssize_t)size);
    PyObject *made = string ? PyFloat_FromString(string) : NULL;
    Py_XDECREF(string);
    if (made) {
        double number = PyFloat_AsDouble(made);
        if (number - number != 0) /* too large; Python names the number */
            Py_CLEAR(made);
    }
    return made;
}

/* The number that a text which begins like one is; NULL for none, or if not sure. */
static PyObject *number_of(const char *text, size_t size, int *is_text)
{
    const char *end = text + size, *digits = text + (*text == '-' || *text == '+');
    if (digits < end && skip_digits(digits, end) == end) {
        if (end - digits > 18)
            return NULL;
        long long number = 0;
        for (const char *p = digits; p < end; p++)
            number = 10 * number + (*p - '0');
        return PyLong_FromLongLong(*text == '-' ? -number : number);
    }
    if (is_float(text, end))
        return float_of(text, size);
    /* 0o17, 0xff, .inf and .nan are for Python */
    int is_odd = size > 2 && text[0] == '0' && (text[1] == 'o' || text[1] == 'x');
    is_odd |= (size == 4 || size == 5) && digits[0] == '.' && strchr("iInN", digits[1]);
    *is_text = !is_odd;
    return NULL;
}

static PyObject *special_value(const char *text, size_t size)
{
    static const struct { const char *text; int value; } special[] = {
        {"true", 1}, {"True", 1}, {"TRUE", 1}, {"false", 0}, {"False", 0},
        {"FALSE", 0}, {"null", 2}, {"Null", 2}, {"NULL", 2}, {"~", 2},
    };
    for (size_t i = 0; i < sizeof special / sizeof *special; i++)
        if (strlen(special[i].text) == size
            && memcmp(special[i].text, text, size) == 0)
            return special[i].value == 2 ? Py_None
                   : special[i].value    ? Py_True
                                         : Py_False;
    return NULL;
}

/* The value of plain text under the core schema. */
static PyObject *plain_value(Reader *r, const char *text, size_t size)
{
    if (size <= 5) {
        PyObject *special = size ? special_value(text, size) : Py_None;
        if (special) {
            Py_INCREF(special);
            return special;
        }
    }
    char c = *text;
    if ((c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.') {
        int is_text = 0;
        PyObject *number = number_of(text, size, &is_text);
        if (!is_text)
            return number;
    }
    return make_string(r->interned, text, size);
}

/* -- folding ----------------------------------------------------------------------- */

static int append_many(Bytes *bytes, char c, size_t count)
{
    if (!reserve_bytes(bytes, count))
        return 0;
    if (count)
        memset(bytes->data + bytes->size, c, count);
    bytes->size += count;
    return 1;
}

/* Fold `breaks` line breaks to one less, or a single one to a space. */
static int append_fold(Bytes *bytes, size_t breaks)
{
    return breaks > 1 ? append_many(bytes, '\n', breaks - 1) : append(bytes, " ", 1);
}

/* Fold the white space at *p if it holds line breaks, or copy it; move behind it. */
static int append_space(Bytes *bytes, const char **p)
{
    const char *begun = *p, *end = skip_blanks(begun);
    size_t breaks = 0;
    if (*end == '\n')
        for (; is_space(*end); end++)
            breaks += *end == '\n';
    *p = end;
    if (breaks)
        return append_fold(bytes, breaks);
    return append(bytes, begun, (size_t)(end - begun));
}

/* -- quoted ------------------------------------------------------------------------ */

/* The closing quote of a quoted scalar; NULL if there is none. */
static const char *closing_quote(const char *p, const char *end)
{
    char quote = *p++;
    for (; p < end; p++) {
        if (*p == '\\' && quote == '"') {
            p++;
        } else if (*p == quote) {
            if (quote == '"' || p[1] != '\'')
                return p;
            p++;
        }
    }
    return NULL;
}

static int append_character(Bytes *bytes, uint32_t c)
{
    char text[4];
    if (c < 0x80) {
        text[0] = (char)c;
        return append(bytes, text, 1);
    }
    size_t size = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const unsigned char first[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t k = size - 1; k; k--, c >>= 6)
        text[k] = (char)(0x80 | (c & 63));
    text[0] = (char)(first[size] | c);
    return append(bytes, text, size);
}

static int append_code(Bytes *bytes, const char **p, int digits)
{
    uint32_t code = 0;
    for (; digits; digits--, ++*p) {
        char c = **p;
        int value = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (value < 0)
            return 0;
        code = code << 4 | (uint32_t)value;
    }
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) /* surrogates pair up */
        return 0;
    return append_character(bytes, code);
}

/* Append what the escape behind a backslash stands for; move behind it. */
static int append_escape(Bytes *bytes, const char **p)
{
    static const char names[] = "0abt\tnvfre \"/\\N_LP";
    static const uint16_t codes[] = {0, 7, 8, 9, 9, 10, 11, 12, 13, 27, ' ', '"', '/',
                                     '\\', 0x85, 0xa0, 0x2028, 0x2029};
    char c = *(*p)++;
    size_t breaks = 0;
    switch (c) {
    case 'x':
        return append_code(bytes, p, 2);
    case 'u':
        return append_code(bytes, p, 4);
    case 'U':
        return append_code(bytes, p, 8);
    case '\n': /* vanishes; the line breaks behind it are kept */
        for (; is_space(**p); ++*p)
            breaks += **p == '\n';
        return append_many(bytes, '\n', breaks);
    }
    const char *found = c ? strchr(names, c) : NULL;
    return found && append_character(bytes, codes[found - names]);
}

/* Whether a line between the quotes looks like a document mark. */
static int has_mark_line(const char *p, const char *end)
{
    while (p < end && (p = memchr(p, '\n', (size_t)(end - p))) != NULL)
        if (strncmp(++p, "---", 3) == 0 || strncmp(p, "...", 3) == 0)
            return 1;
    return 0;
}

/* Read a quoted scalar and move behind it. */
static PyObject *read_quoted(Reader *r)
{
    char quote = *r->p;
    const char *p = r->p + 1, *end = closing_quote(r->p, r->end);
    if (!end || has_mark_line(p, end))
        return NULL;
    r->p = end + 1;
    size_t size = (size_t)(end - p);
    if (!memchr(p, '\n', size) && !memchr(p, quote == '"' ? '\\' : '\'', size))
        return make_string(r->interned, p, size);
    Bytes *out = &r->scratch;
    out->size = 0;
    while (p < end) {
        const char *begun = p;
        while (p < end && !is_space(*p) && *p != '\\' && *p != '\'')
            p++;
        if (!append(out, begun, (size_t)(p - begun)))
            return NULL;
        if (p == end)
            break;
        int done;
        if (is_space(*p)) {
            done = append_space(out, &p);
        } else if (*p == '\\' && quote == '"') {
            p++;
            done = append_escape(out, &p);
        } else { /* of a doubled quote, only the first is text */
            done = append(out, p, 1);
            p += *p == '\'' && quote == '\'' ? 2 : 1;
        }
        if (!done)
            return NULL;
    }
    return make_string(r->interned, out->data, out->size);
}

/* -- block scalars ----------------------------------------------------------------- */

/* The next line break; the text ends in one. */
static inline const char *line_end(const char *p) { return strchr(p, '\n'); }

/* Read the header of a block scalar, up to and with its line break. */
static int read_header(Reader *r, int *digit, char *chomp)
{
    const char *p = r->p + 1;
    for (int i = 0; i < 2; i++) {
        if (*p >= '1' && *p <= '9' && !*digit)
            *digit = *p++ - '0';
        else if ((*p == '+' || *p == '-') && !*chomp)
            *chomp = *p++;
    }
    const char *rest = skip_blanks(p);
    if (*rest == '#' && rest > p)
        rest = line_end(rest);
    r->p = rest + 1;
    return *rest == '\n';
}

/* Append the lines of a folded scalar, with the line breaks between two lines that are
   not indented further dropped or turned into a space. */
static int append_folded(Bytes *out, const char *body, size_t size)
{
    const char *p = body, *end = body + size;
    while (p < end) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        if (!stop)
            return append(out, p, (size_t)(end - p));
        const char *next = stop;
        while (next < end && *next == '\n')
            next++;
        if (!append(out, p, (size_t)(stop - p)))
            return 0;
        size_t breaks = (size_t)(next - stop);
        int folds = p < stop && !is_blank(*p) && next < end && !is_blank(*next);
        if (!(folds ? append_fold(out, breaks) : append_many(out, '\n', breaks)))
            return 0;
        p = next;
    }
    return 1;
}

/* Append the lines from `p` without their indentation; return the end of them. */
static const char *append_lines(Reader *r, const char *p, int indent)
{
    while (p < r->end) {
        const char *content = p;
        while (*content == ' ' && content - p < indent)
            content++;
        if (content - p < indent && *content != '\n')
            break;
        const char *stop = line_end(content) + 1;
        if (!append(&r->scratch, content, (size_t)(stop - content)))
            return NULL;
        p = stop;
    }
    return p;
}

/* The text of the lines in `scratch`. */
static PyObject *block_text(Reader *r, int is_folded, char chomp)
{
    Bytes *lines = &r->scratch;
    size_t size = lines->size, body = size;
    while (body && lines->data[body - 1] == '\n')
        body--;
    size_t kept = chomp == '+' ? size : chomp == '-' || !body ? body : body + 1;
    if (!is_folded)
        return make_string(r->interned, lines->data, kept);
    Bytes out = {0};
    PyObject *made = NULL;
    if (append_folded(&out, lines->data, body)
        && append(&out, lines->data + body, kept - body))
        made = make_string(r->interned, out.data, out.size);
    free(out.data);
    return made;
}

/* Whether the last of the lines from `p` to the end of the text is blank. */
static int ends_in_blank_line(const Reader *r, const char *p)
{
    const char *last = strip_blanks(p, r->end - 1);
    return last == p || last[-1] == '\n';
}

/* Read a block scalar in a collection of column `parent`; stop at its last line break,
   as every node does. */
static PyObject *read_block_scalar(Reader *r, int parent)
{
    int is_folded = *r->p == '>', digit = 0, longest = 0, indent;
    char chomp = 0;
    if (!read_header(r, &digit, &chomp))
        return NULL;
    const char *first = r->p; /* the first line with content */
    size_t breaks = 0;
    for (;; breaks++) {
        const char *p = first;
        while (*p == ' ')
            p++;
        indent = (int)(p - first);
        if (*p != '\n')
            break;
        longest = indent > longest ? indent : longest;
        first = p + 1;
    }
    int has_content = parent < indent && first < r->end;
    if (digit)
        indent = (parent > 0 ? parent : 0) + digit;
    else if (has_content && longest > indent)
        return NULL;
    r->scratch.size = 0;
    const char *end = first;
    if (digit || has_content) {
        if (!(end = append_lines(r, r->p, indent)))
            return NULL;
        const char *tab = end;
        while (*tab == ' ')
            tab++;
        if (*tab == '\t')
            return NULL;
    } else if (!append_many(&r->scratch, '\n', breaks))
        return NULL;
    if (r->is_cut && end == r->end && ends_in_blank_line(r, r->p))
        return NULL;
    r->p = end - 1;
    return block_text(r, is_folded, chomp);
}

#endif
