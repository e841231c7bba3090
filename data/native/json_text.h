/* Canonical JSON, as data/documents/json_text.py writes it: no white space, keys in
   document order, non-ASCII characters as they are. */

#ifndef TCT_JSON_TEXT_H
#define TCT_JSON_TEXT_H

#include "common.h"

/* By byte: the letter of its short escape, `u` for \u00XX, 0 if it needs none. */
static const char ESCAPED[256] = {
    'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'b', 't', 'n', 'u', 'f', 'r', 'u', 'u',
    'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u',
    ['"'] = '"', ['\\'] = '\\',
};

static int json_string(Bytes *out, PyObject *value)
{
    Py_ssize_t size;
    const char *text = PyUnicode_AsUTF8AndSize(value, &size); /* fails on surrogates */
    if (!text || !append(out, "\"", 1))
        return 0;
    const char *end = text + size, *begun = text;
    for (const char *p = text; p < end; p++) {
        char escape = ESCAPED[(unsigned char)*p];
        if (!escape)
            continue;
        char short_form[2] = {'\\', escape};
        if (!append(out, begun, (size_t)(p - begun)) || !append(out, short_form, 2))
            return 0;
        if (escape == 'u') {
            const char *digits = "0123456789abcdef";
            char code[4] = {'0', '0', digits[*p >> 4], digits[*p & 15]};
            if (!append(out, code, 4))
                return 0;
        }
        begun = p + 1;
    }
    return append(out, begun, (size_t)(end - begun)) && append(out, "\"", 1);
}

/* The JSON text of a number, which is its repr. */
static int json_number(Bytes *out, PyObject *value)
{
    if (PyFloat_CheckExact(value)) {
        double number = PyFloat_AsDouble(value);
        if (number - number != 0) /* NaN or infinity */
            return 0;
    }
    PyObject *text = PyObject_Repr(value);
    if (!text)
        return 0;
    Py_ssize_t size;
    const char *data = PyUnicode_AsUTF8AndSize(text, &size);
    int done = data && append(out, data, (size_t)size);
    Py_DECREF(text);
    return done;
}

static int json_value(Bytes *out, PyObject *value, int depth);

static int json_object(Bytes *out, PyObject *pairs, int depth)
{
    Py_ssize_t at = 0;
    PyObject *key, *value;
    char before = '{';
    while (PyDict_Next(pairs, &at, &key, &value)) {
        if (!PyUnicode_CheckExact(key) || !append(out, &before, 1)
            || !json_string(out, key) || !append(out, ":", 1)
            || !json_value(out, value, depth + 1))
            return 0;
        before = ',';
    }
    return before == ',' ? append(out, "}", 1) : append(out, "{}", 2);
}

static int json_array(Bytes *out, PyObject *values, int depth)
{
    if (!append(out, "[", 1))
        return 0;
    for (Py_ssize_t i = 0; i < PyList_Size(values); i++) {
        if (i && !append(out, ",", 1))
            return 0;
        if (!json_value(out, PyList_GetItem(values, i), depth + 1))
            return 0;
    }
    return append(out, "]", 1);
}

static int json_value(Bytes *out, PyObject *value, int depth)
{
    if (PyUnicode_CheckExact(value))
        return json_string(out, value);
    if (depth == DEEPEST)
        return 0;
    if (PyDict_CheckExact(value))
        return json_object(out, value, depth);
    if (PyList_CheckExact(value))
        return json_array(out, value, depth);
    if (value == Py_True)
        return append(out, "true", 4);
    if (value == Py_False)
        return append(out, "false", 5);
    if (value == Py_None)
        return append(out, "null", 4);
    if (PyLong_CheckExact(value) || PyFloat_CheckExact(value))
        return json_number(out, value);
    return 0;
}

static PyObject *canonical_bytes(PyObject *module, PyObject *value)
{
    (void)module;
    Bytes out = {0};
    PyObject *made = NULL;
    if (json_value(&out, value, 0))
        made = PyBytes_FromStringAndSize(out.data, (Py_ssize_t)out.size);
    free(out.data);
    return made ? made : not_sure();
}

#endif
