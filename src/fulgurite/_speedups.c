/* BookSide, the levels of one side of an order book: `PlainBookSide` of bookside.py in C, where each method is told.

   It is optional, see ARCHITECTURE.md. Only numbers are kept, in blocks, and no Python object, so there is nothing to be
   counted or collected here. What cannot be read as a number raises before anything has changed by its level.
   Reading what is no `Level`, and making one, can run any Python code, and with it these methods anew: nothing that was
   found in the blocks is used across such a call. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>

#include <stdlib.h>
#include <string.h>

/* Where a level comes or goes, only the rest of its block is moved, however deep the book is. */
#define BLOCK_ROOM 256

typedef struct {
    Py_ssize_t count; /* never 0: an empty block is freed */
    double keys[BLOCK_ROOM]; /* prices times sign, ascending */
    double sizes[BLOCK_ROOM]; /* beside them */
} Block;

typedef struct {
    PyObject_HEAD
    double sign;         /* 1.0 where the highest price is the best, -1.0 where the lowest is */
    double market_size;
    Block **blocks;      /* ascending, so the best level is the last of the last block */
    Py_ssize_t count;    /* of blocks */
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

/* --- the blocks */

/* The first place whose key is not below this one. */
static Py_ssize_t
find(const Block *block, double key)
{
    const double *base = block->keys;
    Py_ssize_t left = block->count;
    while (left > 1) {
        Py_ssize_t half = left / 2;
        base += base[half - 1] < key ? half : 0; /* no branch, which could only be guessed */
        left -= half;
    }
    return base - block->keys + (left == 1 && *base < key);
}

/* The place of the block where a key is, or where it belongs: the last one that begins with none above it. */
static Py_ssize_t
find_block(const BookSide *self, double key)
{
    Py_ssize_t low = 0, high = self->count - 1;
    if (self->blocks[high]->keys[0] <= key) { /* as most, which are near the best */
        return high;
    }
    while (low < high) {
        Py_ssize_t middle = (low + high + 1) / 2;
        if (self->blocks[middle]->keys[0] <= key) {
            low = middle;
        }
        else {
            high = middle - 1;
        }
    }
    return low;
}

/* An empty block at this place of the row of them; NULL with an exception set where there is no memory. */
static Block *
add_block(BookSide *self, Py_ssize_t place)
{
    if (self->count == self->room) {
        Py_ssize_t room = 2 * self->room + 4;
        Block **blocks = PyMem_Resize(self->blocks, Block *, room);
        if (blocks == NULL) {
            PyErr_NoMemory();
            return NULL;
        }
        self->blocks = blocks;
        self->room = room;
    }
    Block *block = PyMem_Malloc(sizeof(Block));
    if (block == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    block->count = 0;
    Block **at = self->blocks + place;
    memmove(at + 1, at, (self->count++ - place) * sizeof(Block *));
    return *at = block;
}

static void
remove_block(BookSide *self, Py_ssize_t place)
{
    Block **at = self->blocks + place;
    PyMem_Free(*at);
    memmove(at, at + 1, (--self->count - place) * sizeof(Block *));
}

static void
clear_blocks(BookSide *self)
{
    while (self->count) {
        PyMem_Free(self->blocks[--self->count]);
    }
    PyMem_Free(self->blocks);
    self->blocks = NULL;
    self->room = 0;
}

/* Add the levels of a block from this place on to the end of another one, which has room for them. */
static void
move_levels(Block *from, Py_ssize_t place, Block *to)
{
    Py_ssize_t moved = from->count - place;
    memcpy(to->keys + to->count, from->keys + place, moved * sizeof(double));
    memcpy(to->sizes + to->count, from->sizes + place, moved * sizeof(double));
    to->count += moved;
    from->count = place;
}

static int
insert_level(BookSide *self, Py_ssize_t place, double key, double size)
{
    Block *block = self->blocks[place];
    if (block->count == BLOCK_ROOM) {
        Block *upper = add_block(self, place + 1);
        if (upper == NULL) {
            return -1;
        }
        move_levels(block, BLOCK_ROOM / 2, upper);
        block = upper->keys[0] <= key ? upper : block;
    }
    Py_ssize_t at = find(block, key), after = block->count++ - at;
    memmove(block->keys + at + 1, block->keys + at, after * sizeof(double));
    memmove(block->sizes + at + 1, block->sizes + at, after * sizeof(double));
    block->keys[at] = key;
    block->sizes[at] = size;
    return 0;
}

/* Make one block of this and the next where they fit in half a one, so that there are never many with few levels. */
static void
join_blocks(BookSide *self, Py_ssize_t place)
{
    if (place < 0 || place + 1 >= self->count) {
        return;
    }
    Block *lower = self->blocks[place], *upper = self->blocks[place + 1];
    if (lower->count + upper->count <= BLOCK_ROOM / 2) {
        move_levels(upper, 0, lower);
        remove_block(self, place + 1);
    }
}

static void
delete_level(BookSide *self, Py_ssize_t place, Py_ssize_t at)
{
    Block *block = self->blocks[place];
    Py_ssize_t after = --block->count - at;
    memmove(block->keys + at, block->keys + at + 1, after * sizeof(double));
    memmove(block->sizes + at, block->sizes + at + 1, after * sizeof(double));
    if (!block->count) {
        remove_block(self, place);
    }
    else {
        join_blocks(self, place);
        join_blocks(self, place - 1);
    }
}

static int
set_level(BookSide *self, double price, double size)
{
    double key = price * self->sign;
    if (!self->count) {
        if (size == 0.0) {
            return 0;
        }
        if (add_block(self, 0) == NULL) {
            return -1;
        }
        return insert_level(self, 0, key, size);
    }
    Py_ssize_t place = find_block(self, key);
    Block *block = self->blocks[place];
    Py_ssize_t at = find(block, key);
    int is_known = at < block->count && block->keys[at] == key;
    if (size == 0.0) {
        if (is_known) {
            delete_level(self, place, at);
        }
    }
    else if (is_known) {
        block->sizes[at] = size;
    }
    else {
        return insert_level(self, place, key, size);
    }
    return 0;
}

/* The levels one after the other, the worst first, as long as nothing changes. */
typedef struct {
    const BookSide *side;
    Py_ssize_t place;
    Py_ssize_t at;
} Walk;

static int
is_over(const Walk *walk)
{
    return walk->place == walk->side->count;
}

static double
key_of(const Walk *walk)
{
    return walk->side->blocks[walk->place]->keys[walk->at];
}

static double
size_of(const Walk *walk)
{
    return walk->side->blocks[walk->place]->sizes[walk->at];
}

static void
step(Walk *walk)
{
    if (++walk->at == walk->side->blocks[walk->place]->count) {
        walk->place++;
        walk->at = 0;
    }
}

/* How many levels of the new window are others than before; see `PlainBookSide.replace`. */
static Py_ssize_t
count_changes(const BookSide *before, const BookSide *after)
{
    Py_ssize_t changes = 0;
    Walk old = {before, 0, 0}, new = {after, 0, 0};
    while (!is_over(&old) && !is_over(&new) && key_of(&old) < key_of(&new)) {
        step(&old);
    }
    while (!is_over(&old) || !is_over(&new)) {
        if (is_over(&new) || (!is_over(&old) && key_of(&old) < key_of(&new))) {
            step(&old);
            changes++;
        }
        else if (is_over(&old) || key_of(&new) < key_of(&old)) {
            step(&new);
            changes++;
        }
        else {
            changes += size_of(&old) != size_of(&new);
            step(&old);
            step(&new);
        }
    }
    return changes;
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

/* --- methods */

static PyObject *
get_best_price(BookSide *self, void *Py_UNUSED(closure))
{
    if (!self->count) {
        Py_RETURN_NONE;
    }
    const Block *last = self->blocks[self->count - 1];
    return PyFloat_FromDouble(last->keys[last->count - 1] * self->sign);
}

static PyObject *
side_best(BookSide *self, PyObject *Py_UNUSED(none))
{
    if (!self->count) {
        Py_RETURN_NONE;
    }
    const Block *last = self->blocks[self->count - 1];
    return make_level(last->keys[last->count - 1] * self->sign, last->sizes[last->count - 1]);
}

static PyObject *
side_levels(BookSide *self, PyObject *depth)
{
    Py_ssize_t wanted = PY_SSIZE_T_MAX, found = 0;
    if (depth != Py_None) {
        wanted = PyNumber_AsSsize_t(depth, PyExc_OverflowError);
        if (wanted == -1 && PyErr_Occurred()) {
            return NULL;
        }
    }
    for (Py_ssize_t place = self->count - 1; place >= 0 && found < wanted; place--) {
        found += self->blocks[place]->count;
    }
    wanted = wanted < 0 ? 0 : wanted < found ? wanted : found;
    double *numbers = PyMem_New(double, 2 * wanted + 1);
    if (numbers == NULL) {
        return PyErr_NoMemory();
    }
    double *end = numbers;
    for (Py_ssize_t place = self->count - 1; end < numbers + 2 * wanted; place--) {
        const Block *block = self->blocks[place];
        for (Py_ssize_t at = block->count - 1; at >= 0 && end < numbers + 2 * wanted; at--) {
            *end++ = block->keys[at] * self->sign;
            *end++ = block->sizes[at];
        }
    }
    PyObject *levels = PyList_New(wanted);
    for (Py_ssize_t index = 0; levels != NULL && index < wanted; index++) {
        PyObject *level = make_level(numbers[2 * index], numbers[2 * index + 1]);
        if (level == NULL) {
            Py_CLEAR(levels);
        }
        else {
            PyList_SET_ITEM(levels, index, level);
        }
    }
    PyMem_Free(numbers);
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
    int is_descending = 1; /* as on the wire, the best first */
    Row *rows = PyMem_New(Row, most + 1);
    if (rows == NULL) {
        return PyErr_NoMemory();
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
            is_descending &= count == 0 || row->key < row[-1].key;
            count++;
        }
    }
    if (!is_descending) {
        qsort(rows, count, sizeof(Row), compare_rows);
    }
    Block *block = NULL;
    for (Py_ssize_t index = 0; index < count; index++) {
        const Row *row = &rows[is_descending ? count - 1 - index : index];
        if (!is_descending && index + 1 < count && row->key == row[1].key) {
            continue; /* of equal ones the last counts */
        }
        if (block == NULL || block->count == BLOCK_ROOM * 3 / 4) { /* the rest is for what is inserted */
            block = add_block(&after, after.count);
            if (block == NULL) {
                goto failed;
            }
        }
        block->keys[block->count] = row->key;
        block->sizes[block->count++] = row->size;
    }
    PyMem_Free(rows);
    Py_ssize_t changes = count_changes(self, &after);
    clear_blocks(self);
    self->market_size = after.market_size;
    self->blocks = after.blocks;
    self->count = after.count;
    self->room = after.room;
    return PyLong_FromSsize_t(changes);

failed:
    PyMem_Free(rows);
    clear_blocks(&after);
    return NULL;
}

static PyObject *
side_drop_best(BookSide *self, PyObject *Py_UNUSED(none))
{
    if (!self->count) {
        PyErr_SetString(PyExc_IndexError, "there are no levels");
        return NULL;
    }
    Py_ssize_t last = self->count - 1;
    if (!--self->blocks[last]->count) {
        remove_block(self, last);
    }
    Py_RETURN_NONE;
}

static PyObject *
side_copy(BookSide *self, PyObject *Py_UNUSED(none))
{
    BookSide *copy = (BookSide *)PyType_GenericAlloc(&BookSideType, 0);
    if (copy == NULL) {
        return NULL;
    }
    copy->sign = self->sign;
    copy->market_size = self->market_size;
    for (Py_ssize_t place = 0; place < self->count; place++) {
        Block *block = add_block(copy, place);
        if (block == NULL) {
            Py_DECREF(copy);
            return NULL;
        }
        *block = *self->blocks[place];
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
    clear_blocks(self);
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
