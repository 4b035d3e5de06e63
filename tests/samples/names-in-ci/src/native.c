#define PY_SSIZE_T_CLEAN
#include <Python.h>

#ifndef BUILT_FOR
#define BUILT_FOR "cpu"
#endif

static PyObject *built_for(PyObject *self, PyObject *arguments)
{
    return PyUnicode_FromString(BUILT_FOR);
}

static PyMethodDef methods[] = {{"built_for", built_for, METH_NOARGS, ""}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_native", "", -1, methods};

PyMODINIT_FUNC PyInit__native(void) { return PyModule_Create(&module); }
