#!/usr/bin/env python3
"""check_layering.py: the tree keeps to its architecture (docs/architecture.md).

    check_layering.py ROOT           checks the tree; one line for each violation, exit status 1
    check_layering.py --self-test    breaks each rule once, in a small tree, and sees that it is noticed

Rules: includes follow the arrows command -> recipes, formats, conformance, benchmark -> core, and within recipes
completion -> growth -> certificate, network -> factorization, all -> common; ops include the contract and each other's
headers only; recipes and command know neither OpenCL nor CLBlast, and only core/gemm_clblast.c knows CLBlast; every include of ours names a file that is there, and none climbs out of its folder with "..";
core names no op; every file's first comment is "NAME: its one job"; no function is longer than 100 lines;
kernels write real literals as R(0.5).
"""
import pathlib
import re
import sys
import tempfile

# Which folders of runtime/ a folder of runtime/ may include from.
ARROWS = {
    "core": {"core"},
    "formats": {"formats", "core"},
    "recipes": {"recipes", "core"},
    "conformance": {"conformance", "core"},
    "benchmark": {"benchmark", "core"},
    "command": {"command", "recipes", "formats", "conformance", "benchmark", "core"},
}
# And a folder of runtime/recipes/ from its neighbours.
FAMILIES = {
    "common": set(),
    "certificate": {"common"},
    "growth": {"certificate", "common"},
    "factorization": {"common"},
    "completion": {"growth", "certificate", "factorization", "common"},
    "network": {"factorization", "common"},
}
LONGEST_FUNCTION = 100
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^">]+)[">]')
LITERAL = re.compile(r"(?<![\w.])(?:(?:\d+\.\d*|\.\d+)(?:[eE][-+]?\d+)?|\d+[eE][-+]?\d+)[fF]?(?![\w.])")
OP_TABLE = re.compile(r"const dcl_op \*const ops\[\] = \{(.*?)\};", re.S)


def sources(root, *suffixes):
    """All files of the tree with one of the suffixes, without what was built."""
    for path in sorted(root.rglob("*")):
        parts = path.relative_to(root).parts
        if path.suffix in suffixes and path.is_file() and not parts[0].startswith(("build", ".")):
            yield path


def includes(path):
    """(line number, bracket, name) of every include."""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        found = INCLUDE.match(line)
        if found:
            yield number, found.group(1), found.group(2)


def is_opencl(name):
    return name.startswith("CL/") or "clblast" in name or name == "dropcl/opencl.h" or name == "core/opencl.h"


def check_runtime_include(folder, path, name):
    """What is wrong with an include of a file in runtime/, or None."""
    target, _, rest = name.partition("/")
    if target in ARROWS and target not in ARROWS[folder]:
        return f"{folder} must not include {name}"
    family, other = path.parent.name, rest.split("/")[0]
    if folder == target == "recipes" and family in FAMILIES and other not in FAMILIES[family] | {family}:
        return f"recipes/{family} must not include {name}"
    if folder in ("recipes", "command") and is_opencl(name):
        return f"{folder} must not know OpenCL: {name}"
    if "clblast" in name and path.name != "gemm_clblast.c":
        return f"only core/gemm_clblast.c may include {name}"
    return None


def check_op_include(root, bracket, name):
    """What is wrong with an include of a file in ops/, or None."""
    own = ("/" not in name and (root / "ops" / name).is_file()) or name.endswith(".cl.h")
    contract = name in ("dropcl/op.h", "dropcl/opencl.h")
    system = bracket == "<" and not name.startswith(("dropcl/", "core/", "CL/"))
    return None if own or contract or system else f"an op must not include {name}"


def check_includes(root):
    for path in sources(root / "runtime", ".c", ".h") if (root / "runtime").is_dir() else ():
        folder = path.relative_to(root / "runtime").parts[0]
        for number, _, name in includes(path):
            fault = check_runtime_include(folder, path, name) if folder in ARROWS else None
            if fault:
                yield path, number, fault
    for path in sources(root / "ops", ".c", ".h") if (root / "ops").is_dir() else ():
        for number, bracket, name in includes(path):
            fault = check_op_include(root, bracket, name)
            if fault:
                yield path, number, fault


def is_there(root, path, name):
    """Whether an include finds a file: beside it, in include/ or runtime/, or made from a kernel or a template."""
    folders = (path.parent, root / "include", root / "runtime")
    made = (root / "cl" / name[:-2], root / "runtime/command/templates" / name[:-2])
    return any((folder / name).is_file() for folder in folders) or \
        name.endswith(".h") and any(source.is_file() for source in made)


def check_missing_includes(root):
    for path in sources(root, ".c", ".h"):
        for number, bracket, name in includes(path):
            ours = bracket == '"' or name.startswith(("dropcl/", "core/"))
            if ".." in name.split("/"):
                yield path, number, f"an include must not climb: {name}"
            elif ours and "@" not in name and not is_there(root, path, name):
                yield path, number, f"there is no {name} to include"


def op_names(root):
    """Names of the ops that come with dropcl, from the table `ops` of each plugin: &add_op is "add"."""
    names = set()
    for path in sorted((root / "ops").glob("*.c")):
        for table in OP_TABLE.findall(path.read_text()):
            names.update(re.sub(r"_op$", "", name) for name in re.findall(r"&(\w+)", table))
    return names


def check_op_names(root):
    """Core works for any op and so names none."""
    names = op_names(root)
    for path in sorted((root / "runtime" / "core").glob("*.[ch]")):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            for name in re.findall(r'"([a-z_]+)"', line):
                if name in names:
                    yield path, number, f"core names the op '{name}'"


def is_exempt(path):
    """The skeleton becomes somebody else's file, and the frozen header is a copy of another."""
    return path.parent.name == "templates" or path.name == "op-1.0.h"


def check_first_comments(root):
    """The first comment of a file says which file it is, how a script is called, and what its job is."""
    for path in sources(root, ".c", ".h", ".cl", ".py"):
        text = re.sub(r"\A#![^\n]*\n", "", path.read_text())
        opening = '"""' if path.suffix == ".py" else "/* "
        if not is_exempt(path) and not re.match(re.escape(opening + path.name) + r"( [A-Z]+)*: \S", text):
            yield path, 1, f"the file must begin with '{opening}{path.name}: ' and its one job"


def functions(path):
    """(first line, number of lines) of every function of a C file; bodies begin with '{' in column 0."""
    start, previous = None, 0
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line == "{":
            start = previous
        elif line.startswith("}") and start:
            yield start, number - start + 1
            start = None
        if line.strip() and not line.startswith((" ", "\t")):
            previous = number


def check_functions(root):
    for path in sources(root, ".c", ".cl"):
        for start, length in functions(path):
            if length > LONGEST_FUNCTION:
                yield path, start, f"a function of {length} lines, more than {LONGEST_FUNCTION}"


def check_literals(root):
    """A bare 0.5 in a kernel is a double, which not every device has."""
    for path in sorted((root / "cl").glob("*.cl")):
        code = re.sub(r"/\*.*?\*/", lambda found: re.sub(r"[^\n]", " ", found.group(0)), path.read_text(), flags=re.S)
        for number, line in enumerate(code.splitlines(), 1):
            if LITERAL.search(re.sub(r"\bR\([^)]*\)", "", line)):
                yield path, number, "a real literal outside R(...)"


RULES = (check_includes, check_missing_includes, check_op_names, check_first_comments, check_functions, check_literals)


def violations(root):
    return [violation for rule in RULES for violation in rule(root)]


# ---- The self-test: each rule broken once ----

# (what must be found, in which file, with which text), each added to the sound tree below.
BROKEN = (
    ("core must not include formats/npy.h", "runtime/core/a.c", '/* a.c: x. */\n#include "formats/npy.h"\n'),
    ("core must not include recipes/common/build.h", "runtime/core/a.c", '/* a.c: x. */\n#include "recipes/common/build.h"\n'),
    ("formats must not include command/files.h", "runtime/formats/a.c",
     '/* a.c: x. */\n#include "command/files.h"\n'),
    ("benchmark must not include recipes/common/build.h", "runtime/benchmark/a.c",
     '/* a.c: x. */\n#include "recipes/common/build.h"\n'),
    ("recipes must not include formats/npy.h", "runtime/recipes/a.c", '/* a.c: x. */\n#include "formats/npy.h"\n'),
    ("recipes/common must not include recipes/growth/growth.h", "runtime/recipes/common/a.c",
     '/* a.c: x. */\n#include "recipes/growth/growth.h"\n'),
    ("recipes must not know OpenCL", "runtime/recipes/a.c", "/* a.c: x. */\n#include <CL/cl.h>\n"),
    ("only core/gemm_clblast.c may include", "runtime/core/a.c", "/* a.c: x. */\n#include <clblast_c.h>\n"),
    ("an op must not include dropcl/dropcl.h", "ops/a.c", "/* a.c: x. */\n#include <dropcl/dropcl.h>\n"),
    ("an op must not include core/error.h", "ops/a.c", '/* a.c: x. */\n#include "core/error.h"\n'),
    ("there is no core/lost.h to include", "runtime/core/a.c", '/* a.c: x. */\n#include "core/lost.h"\n'),
    ("an include must not climb", "runtime/core/a.c", '/* a.c: x. */\n#include "../formats/npy.h"\n'),
    ("core names the op 'matmul'", "runtime/core/a.c", '/* a.c: x. */\nconst char *name = "matmul";\n'),
    ("core names the op 'add'", "runtime/core/a.h", '/* a.h: x. */\n#define NAME "add"\n'),
    ("the file must begin with", "runtime/core/a.c", "int a;\n"),
    ("more than 100", "runtime/core/a.c", "/* a.c: x. */\nint f(void)\n{\n" + "    g();\n" * 99 + "}\n"),
    ("a real literal outside R(...)", "cl/a.cl", "/* a.cl: x, 0.5. */\nreal a = 0.5 * R(0.25);\n"),
    ("a real literal outside R(...)", "cl/a.cl", "/* a.cl: x. */\nreal a = sqrt(0.5);\n"),
    ("a real literal outside R(...)", "cl/a.cl", "/* a.cl: x. */\nreal a = 1e-3;\n"),
    ("a real literal outside R(...)", "cl/a.cl", "/* a.cl: x. */\nreal a = .5f;\n"),
)
SOUND = {
    "include/dropcl/op.h": "/* op.h: x. */\n",
    "include/dropcl/dropcl.h": '/* dropcl.h: x. */\n#include "op.h"\n',
    "ops/linear.c": '/* linear.c: x. */\n#include <dropcl/op.h>\n#include "linear.cl.h"\n'
                    "static const dcl_op *const ops[] = {\n    &matmul, &add_op, NULL,\n};\n",
    "runtime/core/error.c": '/* error.c: x. */\n#include "core/error.h"\n',
    "cl/linear.cl": "/* linear.cl: x, 0.5. */\nreal a = R(0.5) + b.s0 + 0x1e5 + ERROR[1].x;\n",
} | {f"runtime/{name}": f"/* {name.split('/')[-1]}: x. */\n"
     for name in ("core/error.h", "formats/npy.h", "recipes/common/build.h", "recipes/growth/growth.h", "command/files.h")}


def write_tree(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def self_test():
    """Returns what went unnoticed."""
    missed = []
    with tempfile.TemporaryDirectory() as folder:
        write_tree(pathlib.Path(folder), SOUND)
        missed += [f"sound tree: {fault}" for _, _, fault in violations(pathlib.Path(folder))]
    for expected, name, text in BROKEN:
        with tempfile.TemporaryDirectory() as folder:
            write_tree(pathlib.Path(folder), SOUND | {name: text})
            found = [fault for _, _, fault in violations(pathlib.Path(folder))]
            if len(found) != 1 or expected not in found[0]:
                missed.append(f"{expected}: found {found}")
    return missed


def main():
    if sys.argv[1:] == ["--self-test"]:
        missed = self_test()
        print("\n".join(missed) or f"{len(BROKEN)} broken trees noticed")
        return 1 if missed else 0
    root = pathlib.Path(sys.argv[1])
    found = violations(root)
    for path, number, fault in found:
        print(f"{path.relative_to(root)}:{number}: {fault}")
    lengths = sorted(length for path in sources(root, ".c") for _, length in functions(path))
    print(f"{len(found)} violations; {len(lengths)} functions, median {lengths[len(lengths) // 2]} lines, "
          f"longest {lengths[-1]}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
