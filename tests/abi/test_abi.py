"""test_abi.py PROGRAM HERE INCLUDE OPS FROZEN: the contract of 1.0 holds, in headers, plugins and host."""
import ctypes
import shutil
import unittest

from program import arguments, run

PROGRAM, HERE, INCLUDE, OPS, FROZEN = arguments(5)
COMPILERS = [compiler for compiler in ("gcc", "clang") if shutil.which(compiler)]
LANGUAGES = [("c", "c11"), ("c", "c17"), ("c++", "c++17")]


class Headers(unittest.TestCase):
    def check(self, file, include):
        for compiler in COMPILERS:
            for language, standard in LANGUAGES:
                with self.subTest(compiler=compiler, standard=standard):
                    result = run(compiler, "-x", language, f"-std={standard}", "-Wall", "-Wextra",
                                 "-Wpedantic", "-Werror", "-fsyntax-only", "-I", include, file)
                    self.assertEqual(result.status, 0, result.text)

    def test_they_compile_everywhere_without_a_warning(self):
        self.assertTrue(COMPILERS)
        self.check(HERE / "headers.c", INCLUDE)

    def test_every_field_and_constant_is_where_1_0_has_it(self):
        self.check(HERE / "layout.c", INCLUDE)


class Port(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("doc", ctypes.c_char_p), ("dtypes", ctypes.c_uint32),
                ("flags", ctypes.c_uint32)]


class Op(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("name", ctypes.c_char_p), ("doc", ctypes.c_char_p),
                ("semantics", ctypes.c_uint32), ("flags", ctypes.c_uint32), ("needs", ctypes.c_uint32),
                ("reserved", ctypes.c_uint32), ("user", ctypes.c_void_p), ("inputs", ctypes.POINTER(Port)),
                ("outputs", ctypes.POINTER(Port))]


class Plugin(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("need_minor", ctypes.c_uint32), ("flags", ctypes.c_uint32),
                ("id", ctypes.c_char_p), ("version", ctypes.c_char_p), ("license", ctypes.c_char_p),
                ("ops", ctypes.POINTER(ctypes.POINTER(Op)))]


def ports(table):
    """The names of a table of ports."""
    names = []
    while table and table[len(names)].name:
        names.append(table[len(names)].name.decode())
    return names


class Plugins(unittest.TestCase):
    def test_each_exports_one_symbol(self):
        files = sorted(OPS.glob("*.dclop.so"))
        self.assertTrue(files)
        for file in files:
            with self.subTest(file=file.name):
                names = run("nm", "-D", "--defined-only", file).out.split()[2::3]
                names = [name for name in names if not name.startswith("__")]    # a sanitizer's
                self.assertEqual(names, ["dcl_plugin_v1"])

    def test_another_language_can_read_the_table(self):
        plugin = Plugin.in_dll(ctypes.CDLL(str(FROZEN)), "dcl_plugin_v1")
        self.assertEqual((plugin.id, plugin.license), (b"org.example.frozen", b"Apache-2.0"))
        self.assertEqual(plugin.need_minor, 0)
        names, op = [], plugin.ops[0]
        while plugin.ops[len(names)]:
            op = plugin.ops[len(names)].contents
            names.append((op.name.decode(), ports(op.inputs), ports(op.outputs)))
        self.assertEqual(names, [("org.example.noisy_product", ["a", "b"], ["y"]),
                                 ("org.example.waiting_sum", ["x", "y"], ["sum"])])

    def test_one_built_from_the_frozen_header_still_runs(self):
        result = run(PROGRAM, "check-op", FROZEN)
        self.assertEqual(result.status, 0, result.text)
        self.assertIn("2 ops", result.out)


if __name__ == "__main__":
    unittest.main()
