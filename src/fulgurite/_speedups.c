/* BookSide, the levels of one side of an order book: `PlainBookSide` of bookside.py in C, where each method is told.

   It is optional, see ARCHITECTURE.md. Only numbers are kept, in two arrays, and no Python object, so there is nothing
   to be counted or collected here. What cannot be read as a number raises before anything has changed by its level.
   Reading what is no `Level` can run any Python code, and with it these methods anew: nothing that was found in the
   arrays is used across such a call. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>

#include <stdlib.h>
#include <string.h>

typedef struct {
    PyObject_HEAD
    double sign;         /* 1.0 where the highest price is the best, -1.0 where the lowest is */
    double market_size;
    double *keys;        /* prices times sign, ascending: the best is the last */
    double *sizes;       /* beside them */
    Py_ssize_t count;
    Py_ssize_t room;
} BookSide;

static PyTypeObject BookSideType;

/* fulgurite.protocol.messages.Level, and the names and the places of its two fields. */
static PyTypeObject *level_type;
static PyObject *field_names[2];
static Py_ssize_t field_offsets[2];

/* --- levels: Python's to numbers and back */

/* Where the instances of a type keep a field; 0 where that cannot be known. */
static Py_ssize_t
offset_of(PyTypeObject *type, PyObject *name)
{
    Py_ssize_t offset = 0;
    PyObject *found = PyObject_GetAttr((PyObject *)type, name);
    if (found == NULL) {
        PyErr_Clear();
        return 0;
    }
    if (Py_IS_TYPE(found, &PyMemberDescr_Type)) {
        PyMemberDef *member = ((PyMemberDescrObject *)found)->d_member;
        if (member->type == T_OBJECT_EX) {
            offset = member->offset;
        }
    }
    Py_DECREF(found);
    return offset;
}

/* One field of a level; -1 with an exception set where it is no number. */
static int
read_field(PyObject *level, int field, double *number)
{
    if (Py_IS_TYPE(level, level_type) && field_offsets[field]) {
        PyObject *value = *(PyObject **)((char *)level + field_offsets[field]);
        if (value != NULL && PyFloat_CheckExact(value)) {
            *number = PyFloat_AS_DOUBLE(value);
            return 0;
        }
    }
    PyObject *value = PyObject_GetAttr(level, field_names[field]);
    if (value == NULL) {
        return -1;
    }
    *number = PyFloat_AsDouble(value);
    Py_DECREF(value);
    return *number == -1.0 && PyErr_Occurred() ? -1 : 0;
}

/* Both fields of the level at this place of a list; -1 with an exception set where they are no numbers. */
static int
read_level(PyObject *levels, Py_ssize_t index, double *price, double *size)
{
    PyObject *level = PyList_GET_ITEM(levels, index);
    Py_INCREF(level);
    int result = read_field(level, 0, price) < 0 || read_field(level, 1, size) < 0 ? -1 : 0;
    Py_DECREF(level);
    if (result == 0 && *price != *price) {
        PyErr_SetString(PyExc_ValueError, "a price must not be NaN, which has no place in an order");
        return -1;
    }
    return result;
}

static int
check_list(PyObject *levels)
{
    if (PyList_Check(levels)) {
        return 0;
    }
    PyErr_Format(PyExc_TypeError, "levels must be a list, not %.100s", Py_TYPE(levels)->tp_name);
    return -1;
}

static PyObject *
make_level(double price, double size)
{
    PyObject *arguments[2] = {PyFloat_FromDouble(price), PyFloat_FromDouble(size)};
    PyObject *level = NULL;
    if (arguments[0] != NULL && arguments[1] != NULL) {
        level = PyObject_Vectorcall((PyObject *)level_type, arguments, 2, NULL);
    }
    Py_XDECREF(arguments[0]);
    Py_XDECREF(arguments[1]);
    return level;
}

/* --- the arrays */

/* The first place whose key is not below this one. */
static Py_ssize_t
find(const double *keys, Py_ssize_t count, double key)
{
    const double *base = keys;
    Py_ssize_t left = count;
    while (left > 1) {
        Py_ssize_t half = left / 2;
        base += base[half - 1] < key ? half : 0; /* no branch, which could only be guessed */
        left -= half;
    }
    return base - keys + (left == 1 && *base < key);
}

static int
make_room(BookSide *self, Py_ssize_t wanted)
{
    if (wanted <= self->room) {
        return 0;
    }
    if (wanted > PY_SSIZE_T_MAX / 2 / (Py_ssize_t)sizeof(double) - 16) {
        PyErr_NoMemory();
        return -1;
    }
    Py_ssize_t room = wanted + wanted / 2 + 16;
    /* Each is kept as soon as it is there, so that a failure between the two leaves both whole. */
    double *keys = PyMem_Realloc(self->keys, room * sizeof(double));
    if (keys == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    self->keys = keys;
    double *sizes = PyMem_Realloc(self->sizes, room * sizeof(double));
    if (sizes == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    self->sizes = sizes;
    self->room = room;
    return 0;
}

static int
set_level(BookSide *self, double price, double size)
{
    double key = price * self->sign;
    Py_ssize_t place = find(self->keys, self->count, key);
    Py_ssize_t after = self->count - place;
    int is_known = after > 0 && self->keys[place] == key;
    if (size != 0.0) {
        if (!is_known) {
            if (make_room(self, self->count + 1) < 0) {
                return -1;
            }
            memmove(self->keys + place + 1, self->keys + place, after * sizeof(double));
            memmove(self->sizes + place + 1, self->sizes + place, after * sizeof(double));
            self->keys[place] = key;
            self->count++;
        }
        self->sizes[place] = size;
    }
    else if (is_known) {
        memmove(self->keys + place, self->keys + place + 1, (after - 1) * sizeof(double));
        memmove(self->sizes + place, self->sizes + place + 1, (after - 1) * sizeof(double));
        self->count--;
    }
    return 0;
}

typedef struct {
    double key;
    double size;
    Py_ssize_t index; /* in the list that it came in */
} Row;

static int
compare_rows(const void *left, const void *right)
{
    const Row *a = left, *b = right;
    if (a->key != b->key) {
        return a->key < b->key ? -1 : 1;
    }
    return a->index < b->index ? -1 : a->index > b->index;
}

/* How many levels of the new window are others than before; see `PlainBookSide.replace`. */
static Py_ssize_t
count_changes(const BookSide *before, const BookSide *after)
{
    Py_ssize_t changes = 0;
    Py_ssize_t old = after->count ? find(before->keys, before->count, after->keys[0]) : 0;
    Py_ssize_t new = 0;
    while (old < before->count || new < after->count) {
        if (new == after->count || (old < before->count && before->keys[old] < after->keys[new])) {
            old++;
            changes++;
        }
        else if (old == before->count || after->keys[new] < before->keys[old]) {
            new++;
            changes++;
        }
        else {
            changes += before->sizes[old++] != after->sizes[new++];
        }
    }
    return changes;
}

/* --- methods */

static PyObject *
get_best_price(BookSide *self, void *Py_UNUSED(closure))
{
    if (!self->count) {
        Py_RETURN_NONE;
    }
    return PyFloat_FromDouble(self->keys[self->count - 1] * self->sign);
}

static PyObject *
side_best(BookSide *self, PyObject *Py_UNUSED(none))
{
    if (!self->count) {
        Py_RETURN_NONE;
    }
    return make_level(self->keys[self->count - 1] * self->sign, self->sizes[self->count - 1]);
}

static PyObject *
side_levels(BookSide *self, PyObject *depth)
{
    Py_ssize_t wanted = self->count;
    if (depth != Py_None) {
        wanted = PyNumber_AsSsize_t(depth, PyExc_OverflowError);
        if (wanted == -1 && PyErr_Occurred()) {
            return NULL;
        }
        wanted = wanted < 0 ? 0 : wanted < self->count ? wanted : self->count;
    }
    PyObject *levels = PyList_New(wanted);
    for (Py_ssize_t index = 0; levels != NULL && index < wanted; index++) {
        Py_ssize_t place = self->count - 1 - index;
        PyObject *level = NULL;
        if (place >= 0) {
            level = make_level(self->keys[place] * self->sign, self->sizes[place]);
        }
        else { /* somebody's finaliser, run while memory was asked for, has changed the book */
            PyErr_SetString(PyExc_RuntimeError, "the book was changed while it was read");
        }
        if (level == NULL) {
            Py_CLEAR(levels);
        }
        else {
            PyList_SET_ITEM(levels, index, level);
        }
    }
    return levels;
}

static PyObject *
side_update(BookSide *self, PyObject *levels)
{
    if (check_list(levels) < 0) {
        return NULL;
    }
    for (Py_ssize_t index = 0; index < PyList_GET_SIZE(levels); index++) {
        double price, size;
        if (read_level(levels, index, &price, &size) < 0) {
            return NULL;
        }
        if (price == 0.0) {
            self->market_size = size;
        }
        else if (set_level(self, price, size) < 0) {
            return NULL;
        }
    }
    return get_best_price(self, NULL);
}

static PyObject *
side_replace(BookSide *self, PyObject *levels)
{
    if (check_list(levels) < 0) {
        return NULL;
    }
    BookSide after = {.sign = self->sign, .market_size = self->market_size};
    Py_ssize_t most = PyList_GET_SIZE(levels), count = 0;
    Row *rows = PyMem_New(Row, most + 1);
    if (rows == NULL || make_room(&after, most) < 0) {
        PyErr_NoMemory();
        goto failed;
    }
    /* The list may have become shorter or longer by what reading a level has run. */
    for (Py_ssize_t index = 0; index < most && index < PyList_GET_SIZE(levels); index++) {
        Row *row = &rows[count];
        double price;
        if (read_level(levels, index, &price, &row->size) < 0) {
            goto failed;
        }
        row->key = price * self->sign;
        row->index = index;
        if (price == 0.0) {
            after.market_size = row->size;
        }
        else if (row->size != 0.0) {
            count++;
        }
    }
    qsort(rows, count, sizeof(Row), compare_rows);
    for (Py_ssize_t index = 0; index < count; index++) {
        if (index + 1 == count || rows[index].key != rows[index + 1].key) { /* of equal ones the last counts */
            after.keys[after.count] = rows[index].key;
            after.sizes[after.count++] = rows[index].size;
        }
    }
    PyMem_Free(rows);
    Py_ssize_t changes = count_changes(self, &after);
    PyMem_Free(self->keys);
    PyMem_Free(self->sizes);
    self->market_size = after.market_size;
    self->keys = after.keys;
    self->sizes = after.sizes;
    self->count = after.count;
    self->room = after.room;
    return PyLong_FromSsize_t(changes);

failed:
    PyMem_Free(rows);
    PyMem_Free(after.keys);
    PyMem_Free(after.sizes);
    return NULL;
}

static PyObject *
side_drop_best(BookSide *self, PyObject *Py_UNUSED(none))
{
    if (!self->count) {
        PyErr_SetString(PyExc_IndexError, "there are no levels");
        return NULL;
    }
    self->count--;
    Py_RETURN_NONE;
}

static PyObject *
side_copy(BookSide *self, PyObject *Py_UNUSED(none))
{
    BookSide *copy = (BookSide *)PyType_GenericAlloc(&BookSideType, 0);
    if (copy == NULL || make_room(copy, self->count) < 0) {
        Py_XDECREF(copy);
        return NULL;
    }
    copy->sign = self->sign;
    copy->market_size = self->market_size;
    copy->count = self->count;
    if (self->count) {
        memcpy(copy->keys, self->keys, self->count * sizeof(double));
        memcpy(copy->sizes, self->sizes, self->count * sizeof(double));
    }
    return (PyObject *)copy;
}

/* For pickle and copy.deepcopy. */
static PyObject *
side_reduce(BookSide *self, PyObject *Py_UNUSED(none))
{
    PyObject *levels = side_levels(self, Py_None);
    if (levels == NULL) {
        return NULL;
    }
    return Py_BuildValue("O(ddN)", Py_TYPE(self), self->sign, self->market_size, levels);
}

static PyObject *
side_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"sign", "market_size", "levels", NULL};
    double sign, market_size = 0.0;
    PyObject *levels = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "d|dO:BookSide", names, &sign, &market_size, &levels)) {
        return NULL;
    }
    if (sign != 1.0 && sign != -1.0) {
        PyErr_SetString(PyExc_ValueError, "sign must be 1.0 or -1.0");
        return NULL;
    }
    BookSide *self = (BookSide *)type->tp_alloc(type, 0);
    if (self == NULL) {
        return NULL;
    }
    self->sign = sign;
    self->market_size = market_size;
    if (levels != NULL) {
        PyObject *changes = side_replace(self, levels);
        if (changes == NULL) {
            Py_DECREF(self);
            return NULL;
        }
        Py_DECREF(changes);
    }
    return (PyObject *)self;
}

static void
side_dealloc(BookSide *self)
{
    PyMem_Free(self->keys);
    PyMem_Free(self->sizes);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyMethodDef side_methods[] = {
    {"best", (PyCFunction)side_best, METH_NOARGS, NULL},
    {"copy", (PyCFunction)side_copy, METH_NOARGS, NULL},
    {"drop_best", (PyCFunction)side_drop_best, METH_NOARGS, NULL},
    {"levels", (PyCFunction)side_levels, METH_O, NULL},
    {"replace", (PyCFunction)side_replace, METH_O, NULL},
    {"update", (PyCFunction)side_update, METH_O, NULL},
    {"__reduce__", (PyCFunction)side_reduce, METH_NOARGS, NULL},
    {NULL},
};

static PyGetSetDef side_getset[] = {
    {"best_price", (getter)get_best_price, NULL, NULL, NULL},
    {NULL},
};

static PyMemberDef side_members[] = {
    {"market_size", T_DOUBLE, offsetof(BookSide, market_size), READONLY, NULL},
    {NULL},
};

static PyTypeObject BookSideType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "fulgurite._speedups.BookSide",
    .tp_basicsize = sizeof(BookSide),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = side_new,
    .tp_dealloc = (destructor)side_dealloc,
    .tp_methods = side_methods,
    .tp_getset = side_getset,
    .tp_members = side_members,
};

/* --- the module */

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "fulgurite._speedups",
    .m_size = -1, /* its state is static: it is not for several interpreters in a process */
};

PyMODINIT_FUNC
PyInit__speedups(void)
{
    PyObject *messages = PyImport_ImportModule("fulgurite.protocol.messages");
    if (messages == NULL) {
        return NULL;
    }
    PyObject *level = PyObject_GetAttrString(messages, "Level");
    Py_DECREF(messages);
    if (level == NULL) {
        return NULL;
    }
    if (!PyType_Check(level)) {
        Py_DECREF(level);
        PyErr_SetString(PyExc_TypeError, "Level must be a type");
        return NULL;
    }
    Py_XSETREF(level_type, (PyTypeObject *)level);
    static const char *names[] = {"price", "size"};
    for (int field = 0; field < 2; field++) {
        Py_XSETREF(field_names[field], PyUnicode_InternFromString(names[field]));
        if (field_names[field] == NULL) {
            return NULL;
        }
        field_offsets[field] = offset_of(level_type, field_names[field]);
    }
    if (PyType_Ready(&BookSideType) < 0) {
        return NULL;
    }
    PyObject *made = PyModule_Create(&module);
    if (made != NULL && PyModule_AddObjectRef(made, "BookSide", (PyObject *)&BookSideType) < 0) {
        Py_CLEAR(made);
    }
    return made;
}
