/* What all loops share: "not sure", and arrays that grow.

   A function returns 0 or NULL when it is not sure: the value is one that it does not
   handle, Python raised an exception, or memory ran out.  Python then does the work
   again from the beginning, and raises what is to be raised. */

#ifndef TCT_COMMON_H
#define TCT_COMMON_H

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030b0000
#include <Python.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if PY_BIG_ENDIAN
#error "ids are written as they lie in memory, which must be little-endian"
#endif

/* Most levels of arrays and objects that any loop follows: more than the documents
   that Python accepts have, and few enough for the stack. */
enum { DEEPEST = 200 };

/* The answer to a caller in Python: NotImplemented, or an exception that is not about
   the value, such as KeyboardInterrupt. */
static PyObject *not_sure(void)
{
    if (PyErr_Occurred()) {
        if (PyErr_ExceptionMatches(PyExc_MemoryError)
            || !PyErr_ExceptionMatches(PyExc_Exception))
            return NULL;
        PyErr_Clear();
    }
    Py_INCREF(Py_NotImplemented);
    return Py_NotImplemented;
}

/* Make room for `more` elements behind the first `used`. */
static int reserve(void **data, size_t *room, size_t used, size_t more, size_t each)
{
    if (more <= *room - used)
        return 1;
    if (more > PY_SSIZE_T_MAX / 4 / each - used) {
        PyErr_NoMemory();
        return 0;
    }
    size_t wanted = 2 * (used + more) + 64;
    void *grown = realloc(*data, wanted * each);
    if (!grown) {
        PyErr_NoMemory();
        return 0;
    }
    *data = grown;
    *room = wanted;
    return 1;
}

typedef struct {
    char *data;
    size_t size, room;
} Bytes;

static inline int reserve_bytes(Bytes *bytes, size_t more)
{
    return reserve((void **)&bytes->data, &bytes->room, bytes->size, more, 1);
}

static inline int append(Bytes *bytes, const char *data, size_t size)
{
    if (!reserve_bytes(bytes, size))
        return 0;
    if (size)
        memcpy(bytes->data + bytes->size, data, size);
    bytes->size += size;
    return 1;
}

typedef struct {
    uint16_t *data;
    size_t size, room;
} Symbols;

static inline int reserve_symbols(Symbols *symbols, size_t more)
{
    return reserve((void **)&symbols->data, &symbols->room, symbols->size, more, 2);
}

static inline int put(Symbols *symbols, uint16_t symbol)
{
    if (!reserve_symbols(symbols, 1))
        return 0;
    symbols->data[symbols->size++] = symbol;
    return 1;
}

/* Decode a character of valid UTF-8 and move behind it. */
static inline uint32_t next_character(const unsigned char **text)
{
    const unsigned char *p = *text;
    uint32_t c = *p++;
    if (c >= 0xf0) {
        c = (c & 7) << 18 | (p[0] & 63u) << 12 | (p[1] & 63u) << 6 | (p[2] & 63u);
        p += 3;
    } else if (c >= 0xe0) {
        c = (c & 15) << 12 | (p[0] & 63u) << 6 | (p[1] & 63u);
        p += 2;
    } else if (c >= 0x80) {
        c = (c & 31) << 6 | (p[0] & 63u);
        p += 1;
    }
    *text = p;
    return c;
}

/* Short strings made before, since documents repeat their keys and values. */
enum { INTERNED = 1 << 13, LONGEST_INTERNED = 40 };

typedef struct {
    PyObject *strings[INTERNED];
} Interned;

static PyObject *make_string(Interned *interned, const char *text, size_t size)
{
    if (!size || size > LONGEST_INTERNED) /* without a text, `text` may be NULL */
        return PyUnicode_DecodeUTF8(size ? text : "", (Py_ssize_t)size, NULL);
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (unsigned char)text[i]) * 16777619u;
    PyObject **slot = &interned->strings[(hash ^ hash >> 15) & (INTERNED - 1)];
    if (*slot) {
        Py_ssize_t known_size;
        const char *known = PyUnicode_AsUTF8AndSize(*slot, &known_size);
        if (!known)
            return NULL;
        if ((size_t)known_size == size && memcmp(known, text, size) == 0) {
            Py_INCREF(*slot);
            return *slot;
        }
    }
    PyObject *made = PyUnicode_DecodeUTF8(text, (Py_ssize_t)size, NULL);
    if (made) {
        PyObject *before = *slot;
        Py_INCREF(made);
        *slot = made;
        Py_XDECREF(before);
    }
    return made;
}

static void forget_strings(Interned *interned)
{
    for (size_t i = 0; i < INTERNED; i++)
        Py_CLEAR(interned->strings[i]);
}

#endif
