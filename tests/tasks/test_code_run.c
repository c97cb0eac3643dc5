/* SPDX-License-Identifier: MIT */
/* Verdicts on programs: right ones pass with any type of result, hostile ones never do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/log.h"
#include "tasks/code_run.h"

static struct sandbox_host host;

struct row {
    const char *name;
    enum code_verdict verdict;
    const char *why; /* part of it; null: not checked */
    struct code_source source;
};

static void check(const struct row *row)
{
    struct code_run *run;
    const struct code_result *result = NULL;
    struct code_source source = row->source;
    source.cpu_seconds = source.cpu_seconds ? source.cpu_seconds : 1;
    assert_int_equal(code_run_start(&run, &host, &source), STATUS_OK);
    while (!result) {
        if (code_run_poll(&result, run) != STATUS_OK)
            fail_msg("%s: %s", row->name, log_last_error());
        code_run_wait(&run, 1, 1);
    }
    if (result->verdict != row->verdict || (row->why && !strstr(result->why, row->why)))
        fail_msg("%s: %s: %s", row->name, code_verdict_name(result->verdict), result->why);
    /* Its children ended with it: this process has none left. */
    assert_true(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
    code_run_destroy(&run);
    assert_null(run);
}

#define SQUARES "def check(f):\n    assert f(2) == 4\n    assert f(3) == 9\n"
#define SQUARE(text)                                                                               \
    {                                                                                              \
        .program = text, .test = SQUARES, .entry_point = "square"                                  \
    }
#define CALLS(text, tests)                                                                         \
    {                                                                                              \
        .program = text, .test = tests                                                             \
    }

static const struct row RIGHT[] = {
    {"plain", CODE_PASSED, "", SQUARE("def square(x):\n    return x * x\n")},
    {"prints much", CODE_PASSED, "",
     SQUARE("def square(x):\n    print('no' * 100000)\n    return x * x\n")},
    {"all kinds of data", CODE_PASSED, "",
     CALLS("def f(x): return x\n",
           "import math\n"
           "from collections import deque, Counter\n"
           "from fractions import Fraction\n"
           "from decimal import Decimal\n"
           "for x in [0, -1, 2**53, -2**200, 10**5000, 0.1, -0.0, math.inf, 1e-320, 3j, "
           "'a\\0\\ud800\\u20ac', "
           "b'\\0\\xff', [], [[1], (2, {3: {4}})], {'a': None, (1, 2): True}, frozenset({1}), "
           "range(1, 9, 2), deque([1, 2]), Fraction(1, 3), Decimal('0.10'), Counter('aab'), "
           "bytearray(b'x')]:\n"
           "    y = f(x)\n"
           "    assert y == x and (type(y) is type(x) or isinstance(x, Counter)), x\n"
           "assert math.isnan(f(math.nan)) and math.copysign(1, f(-0.0)) == -1\n"
           "assert f(True) is True and f(None) is None and type(f(1)) is int\n"
           "assert list(f({3: 1, 1: 2})) == [3, 1]\n")},
    {"iterators", CODE_PASSED, "",
     CALLS("def f(n): return (i * i for i in range(n))\n"
           "def g(): return map(str, [1, 2])\n"
           "def h(): return {1: 2}.keys()\n",
           "assert list(f(3)) == [0, 1, 4] and sum(f(4)) == 14 and tuple(g()) == ('1', '2')\n"
           "assert sorted(h()) == [1] and len(h()) == 1 and next(f(2)) == 0\n")},
    {"classes of its own", CODE_PASSED, "",
     CALLS("class Node:\n"
           "    def __init__(self, v): self.v, self.left = v, None\n"
           "    def up(self): self.v += 1; return self\n"
           "def total(n): return n.v + (total(n.left) if n.left else 0)\n",
           "n = Node(1)\nn.left = Node(5)\n"
           "assert total(n) == 6 and n.left.v == 5 and n.up().v == 2 and total(n) == 7\n"
           "assert n.up() is n or n.up() == n\nassert Node(1) != Node(1)\n"
           "assert total([n][0]) == 8\n")},
    {"expected exceptions", CODE_PASSED, "",
     CALLS("def f(x):\n    raise ValueError('no') if x else KeyError\n",
           "for x, kind in ((1, ValueError), (0, KeyError)):\n"
           "    try: f(x)\n"
           "    except kind: pass\n"
           "    else: assert False\n")},
    {"changes its arguments", CODE_PASSED, "",
     CALLS("def f(a, d):\n    a.sort()\n    d['x'] = a\n    return len(a)\n",
           "a, d = [3, 1, 2], {}\nassert f(a, d) == 3\nassert a == [1, 2, 3] and d == {'x': a}\n")},
    {"takes functions", CODE_PASSED, "",
     CALLS("def f(g, xs): return [g(x) for x in xs]\n",
           "assert f(lambda x: x + 1, [1, 2]) == [2, 3]\n")},
    {"has the name of a builtin", CODE_PASSED, "",
     CALLS("def sum(a, b): return a * b\n", "assert sum(3, 4) == 12\n")},
    {"has the name of a module", CODE_PASSED, "",
     CALLS("def calendar(a): return a\n", "assert calendar(3) == 3\n")},
    {"a module the tests forgot to import", CODE_PASSED, "",
     CALLS("import math\ndef f(): return 4.0\n", "assert math.isclose(f(), 4)\n")},
    {"a helper of the context",
     CODE_PASSED,
     "",
     {.context = "def twice(x):\n    return 2 * x\ndef f(x):\n    '''Half.'''\n",
      .program = "def twice(x): return 2 * x\ndef f(x): return x / 2\n",
      .test = "def check(g):\n    assert twice(g(3)) == 3\n",
      .entry_point = "f"}},
};

static const struct row WRONG[] = {
    {"wrong", CODE_FAILED, "AssertionError at: assert f(3) == 9",
     SQUARE("def square(x):\n    return 4\n")},
    {"raises", CODE_FAILED, "ZeroDivisionError", SQUARE("def square(x):\n    return x / 0\n")},
    {"no program", CODE_FAILED, "SyntaxError", SQUARE("def square(x:\n")},
    {"nothing", CODE_FAILED, "", SQUARE("")},
    {"a null", CODE_FAILED, NULL, SQUARE("x = '\xC0\x80'\n")},
    {"another name", CODE_FAILED, "square", SQUARE("def circle(x): return x * x\n")},
    {"another name, named by the tests", CODE_FAILED, "NameError",
     CALLS("def g(): return 1\n", "assert f() == 1\n")},
    {"tests that call nothing", CODE_FAILED, "called nothing",
     CALLS("def f(): return 1\n", "assert True\n")},
    {"without end", CODE_TIMED_OUT, "too long", SQUARE("while True: pass\n")},
    {"without end in a call", CODE_TIMED_OUT, "too long",
     SQUARE("def square(x):\n    while True: pass\n")},
    {"without end, deaf", CODE_TIMED_OUT, "too long",
     SQUARE("import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass\n")},
    {"sleeps",
     CODE_TIMED_OUT,
     "too long",
     {.program = "import time\ntime.sleep(1000)\n",
      .test = SQUARES,
      .entry_point = "square",
      .wall_seconds = 2}},
    {"answers without end", CODE_TIMED_OUT, "too long",
     CALLS("import itertools\ndef f(): return itertools.count()\n", "assert list(f()) == [1]\n")},
};

/* At load, and in a call after a right answer. */
#define AT_LOAD(text) SQUARE(text)
#define IN_CALL(text)                                                                              \
    SQUARE("import os, sys\n"                                                                      \
           "def square(x):\n"                                                                      \
           "    if x == 2: return 4\n"                                                             \
           "    " text "\n")

static const struct row HOSTILE[] = {
    {"ends with success at load", CODE_FAILED, "ended", AT_LOAD("import os\nos._exit(0)\n")},
    {"ends with success in a call", CODE_FAILED, "ended", IN_CALL("os._exit(0)")},
    {"SystemExit at load", CODE_FAILED, NULL, AT_LOAD("raise SystemExit(0)\n")},
    {"SystemExit in a call", CODE_FAILED, NULL, IN_CALL("sys.exit(0)")},
    {"KeyboardInterrupt", CODE_FAILED, NULL, IN_CALL("raise KeyboardInterrupt")},
    {"StopIteration", CODE_FAILED, NULL, IN_CALL("raise StopIteration")},
    {"ends at exit", CODE_FAILED, NULL,
     AT_LOAD("import atexit, os\natexit.register(lambda: os.write(1, b'passed '))\n")},
    {"prints the verdict", CODE_FAILED, NULL,
     AT_LOAD("import os\n"
             "for f in range(64):\n"
             "    try: os.write(f, b'passed ')\n"
             "    except OSError: pass\n"
             "os._exit(0)\n")},
    {"sends answers nobody asked for", CODE_FAILED, NULL,
     AT_LOAD("import json, os\n"
             "for i in range(100):\n"
             "    m = json.dumps(['ok', ['passed', 4, 9, None][i % 4], None]).encode()\n"
             "    os.write(3, len(m).to_bytes(4, 'little') + m)\n")},
    {"always equal", CODE_FAILED, "AssertionError",
     IN_CALL("return type('E', (), {'__eq__': lambda *a: True, '__hash__': lambda s: 9})()")},
    {"a number that is always equal", CODE_FAILED, "AssertionError",
     IN_CALL("return type('E', (int,), {'__eq__': lambda *a: True})(8)")},
    {"a list that is always equal", CODE_FAILED, "AssertionError",
     CALLS("class L(list):\n    def __eq__(self, o): return True\ndef f(): return L([1])\n",
           "assert f() == [2]\n")},
    {"always true when compared by the other side", CODE_FAILED, "AssertionError",
     CALLS("class E(float):\n    def __eq__(self, o): return True\n    def __sub__(self, o): "
           "return 0\n"
           "    __rsub__ = __abs__ = __sub__\ndef f(): return E(1)\n",
           "assert abs(f() - 2) < 1e-6\n")},
    {"changes the exception of asserts", CODE_FAILED, "AssertionError",
     AT_LOAD("import builtins\n"
             "class Quiet(BaseException): pass\n"
             "builtins.AssertionError = Quiet\n"
             "def square(x): return 4\n")},
    {"changes builtins", CODE_FAILED, NULL,
     CALLS("import builtins\n"
           "builtins.abs = builtins.len = lambda x: 0\nbuiltins.all = lambda x: True\n"
           "def abs(x): return 0\ndef all(x): return True\ndef f(): return [1]\n",
           "assert all(abs(x) == 0 for x in f())\n")},
    {"defines the check", CODE_FAILED, "AssertionError",
     AT_LOAD("def check(f): pass\ncandidate = check\ndef square(x): return 4\n")},
    {"defines a helper of the tests",
     CODE_FAILED,
     "AssertionError",
     {.context = "def poly(x):\n    return x - 3\n",
      .program = "def poly(x): return 0\ndef root(): return 2\n",
      .test = "def check(f):\n    assert poly(f()) == 0\n",
      .entry_point = "root"}},
    {"changes what sends its answers", CODE_FAILED, NULL,
     AT_LOAD("import __main__\n"
             "send = __main__.send\n"
             "__main__.send = lambda *a: send('ok', 4, None)\n"
             "def square(x): return 4\n")},
    {"looks for the tests", CODE_FAILED, "AssertionError",
     AT_LOAD("import gc, sys\n"
             "def square(x):\n"
             "    if x == 2: return 4\n"
             "    f = sys._getframe()\n"
             "    while f:\n"
             "        for v in list(f.f_locals.values()) + list(f.f_globals.values()):\n"
             "            if 'assert' in str(v): return 9\n"
             "        f = f.f_back\n"
             "    return 9 if any(isinstance(o, str) and 'assert f(' in o for o in "
             "gc.get_objects()) else 0\n")},
    {"kills all it can", CODE_FAILED, NULL,
     IN_CALL("[os.kill(p, 9) for p in (1, os.getppid(), -1)]; os._exit(0)")},
    {"closes the channel and goes on", CODE_FAILED, "ended",
     IN_CALL("os.close(3); import time; time.sleep(100)")},
    {"fork bomb", CODE_FAILED, "PermissionError", IN_CALL("\n    while True: os.fork()")},
    {"memory hog", CODE_FAILED, "MemoryError", IN_CALL("return bytearray(4 << 30)")},
    {"disk filler", CODE_FAILED, "OSError",
     IN_CALL(
         "\n    n = 0\n    while True: open('/tmp/%d' % n, 'w').write('x' * (1 << 20)); n += 1")},
    {"network", CODE_FAILED, "Error",
     IN_CALL("import socket; socket.create_connection(('127.0.0.1', 22), 1)")},
    {"files outside", CODE_FAILED, "FileNotFoundError",
     IN_CALL("return open('/etc/passwd').read()")},
    {"outlives its end", CODE_FAILED, NULL,
     IN_CALL("import threading, time; threading.Thread(target=time.sleep, args=(999,)).start(); "
             "sys.exit(0)")},
    {"ptrace", CODE_FAILED, "AssertionError",
     IN_CALL("import ctypes; return ctypes.CDLL(None).ptrace(16, 1, 0, 0)")},
    {"a large answer", CODE_FAILED, "too large", IN_CALL("return 'x' * (1 << 25)")},
    {"a deep answer", CODE_FAILED, "nested",
     IN_CALL("\n    a = []\n    a.append(a)\n    return a")},
    {"no JSON", CODE_FAILED, NULL, IN_CALL("os.write(3, b'\\x02\\0\\0\\0[[')")},
    {"deep JSON", CODE_FAILED, NULL,
     IN_CALL("os.write(3, (100000).to_bytes(4, 'little') + b'[' * 100000)")},
    {"a length without end", CODE_FAILED, NULL, IN_CALL("os.write(3, b'\\xff' * 8)")},
    {"an unknown tag", CODE_FAILED, NULL,
     IN_CALL("m = b'[\"ok\", [\"zz\", 1], null]'; os.write(3, len(m).to_bytes(4, 'little') + m)")},
    {"a call back that was never given", CODE_FAILED, NULL,
     IN_CALL(
         "m = b'[\"callback\", 7, [\"l\", []]]'; os.write(3, len(m).to_bytes(4, 'little') + m)")},
    {"an exception with a hostile text", CODE_FAILED, NULL,
     IN_CALL("raise type('E', (Exception,), {'__str__': lambda s: os._exit(0)})()")},
    {"control characters in its message", CODE_FAILED, "?[31m",
     IN_CALL("raise ValueError('\\x1b[31m\\n\\0\\ud800')")},
};

static void right_programs_pass(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(RIGHT) / sizeof(*RIGHT); i++)
        check(&RIGHT[i]);
}

static void wrong_programs_fail(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(WRONG) / sizeof(*WRONG); i++)
        check(&WRONG[i]);
}

static void hostile_programs_fail(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(HOSTILE) / sizeof(*HOSTILE); i++)
        check(&HOSTILE[i]);
}

/* A wrong task gives no verdict. */
static void broken_tasks_are_told(void **state)
{
    (void)state;
    static const struct code_source broken[] = {
        {.program = "def f(): return 1\n", .test = "assert f( == 1\n"},
        {.program = "def f(): return 1\n",
         .test = "assert f() == 1\n",
         .context = "import nothing\n"},
    };
    for (size_t i = 0; i < sizeof(broken) / sizeof(*broken); i++) {
        struct code_run *run;
        const struct code_result *result = NULL;
        enum status st = code_run_start(&run, &host, &broken[i]);
        while (!st && !(st = code_run_poll(&result, run)) && !result)
            code_run_wait(&run, 1, 1);
        assert_int_equal(st, STATUS_INPUT);
        assert_non_null(strstr(log_last_error(), "the task's own code"));
        code_run_destroy(&run);
    }
}

static void several_at_once(void **state)
{
    (void)state;
    enum { N = 4 };
    struct code_run *run[N];
    const struct code_result *result[N] = {NULL};
    for (int i = 0; i < N; i++)
        assert_int_equal(code_run_start(&run[i], &host, &RIGHT[i].source), STATUS_OK);
    for (int left = N; left > 0;) {
        code_run_wait(run, N, 1);
        left = 0;
        for (int i = 0; i < N; i++) {
            assert_int_equal(code_run_poll(&result[i], run[i]), STATUS_OK);
            left += !result[i];
        }
    }
    for (int i = 0; i < N; i++) {
        assert_int_equal(result[i]->verdict, CODE_PASSED);
        code_run_destroy(&run[i]);
    }
    /* Abandoned in the middle of a run. */
    assert_int_equal(code_run_start(&run[0], &host, &RIGHT[0].source), STATUS_OK);
    code_run_destroy(&run[0]);
    assert_true(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
}

static void programs_from_answers(void **state)
{
    (void)state;
    static const char context[] = "import math\ndef f(x):\n    '''Square.'''";
    static const struct {
        const char *context, *entry, *answer, *program;
    } row[] = {
        {NULL, NULL, "def g(): pass", "def g(): pass\n"},
        {"", "g", "def g(): pass", "def g(): pass\n"},
        {context, "f", "    return x * x",
         "import math\ndef f(x):\n    '''Square.'''\n    return x * x\n"},
        {context, "f", "def f(x):\n    return x",
         "import math\ndef f(x):\n    '''Square.'''\n"
         "def f(x):\n    return x\n"},
        {context, "f", "import os\nasync def  f (x): return x",
         "import math\ndef f(x):\n    '''Square.'''\nimport os\nasync def  f (x): return x\n"},
        {context, "f", "    def f(x): return x\n    return f(x)",
         "import math\ndef f(x):\n    '''Square.'''\n    def f(x): return x\n    return f(x)\n"},
        {"def f(x):\n", "f", "    return fa(x)\ndef fa(x): return 1",
         "def f(x):\n    return fa(x)\ndef fa(x): return 1\n"},
        {"def f(x):\n    'Doc.'\n", "f", "def f(x): return 1",
         "def f(x):\n    'Doc.'\n\ndef f(x): return 1\n"},
    };
    struct arena arena = {0};
    for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++)
        assert_string_equal(code_program(&arena, row[i].context, row[i].entry, row[i].answer),
                            row[i].program);
    arena_finish(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(programs_from_answers), cmocka_unit_test(right_programs_pass),
        cmocka_unit_test(wrong_programs_fail),   cmocka_unit_test(hostile_programs_fail),
        cmocka_unit_test(broken_tasks_are_told), cmocka_unit_test(several_at_once),
    };
    if (sandbox_host_init(&host) != STATUS_OK || code_check_python(&host) != STATUS_OK) {
        fprintf(stderr, "skipped: programs cannot run here\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
