/* The inner loops of tct, compiled.

   Each loop answers as its Python original would, or returns NotImplemented: "not
   sure", and Python does the work.  It never answers differently.  docs/native.md
   lists the invariants. */

#include "codec.h"
#include "read_yaml.h"
#include "trie.h"

static PyMethodDef functions[] = {
    {"canonical_bytes", canonical_bytes, METH_O, "Canonical JSON text, as UTF-8."},
    {"read_yaml", read_yaml, METH_O, "The object that a YAML text holds."},
    {NULL, NULL, 0, NULL},
};

static int add_type(PyObject *module, PyType_Spec *spec)
{
    PyObject *type = PyType_FromModuleAndSpec(module, spec, NULL);
    int done = type && PyModule_AddType(module, (PyTypeObject *)type) == 0;
    Py_XDECREF(type);
    return done;
}

static int add_types(PyObject *module)
{
    int done = add_type(module, &codec_spec) && add_type(module, &trie_spec);
    return done ? 0 : -1;
}

/* The module's state is an `Interned`. */
static int clear_module(PyObject *module)
{
    forget_strings(PyModule_GetState(module));
    return 0;
}

static void free_module(void *module) { clear_module(module); }

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, add_types},
    {0, NULL},
};

static struct PyModuleDef definition = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "tct.data.native._core",
    .m_size = sizeof(Interned),
    .m_methods = functions,
    .m_slots = slots,
    .m_clear = clear_module,
    .m_free = free_module,
};

PyMODINIT_FUNC PyInit__core(void)
{
    return PyModuleDef_Init(&definition);
}
