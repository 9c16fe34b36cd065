"""test_bad_input.py: one clear line says what is wrong with the input, and nothing is left half written."""
import gzip
import json
import os
import subprocess
import unittest

import numpy

from common import AS_USERS, COMMANDS, PROGRAM, RUSTICL, Case, images, small

INPUT, USAGE, DEVICE = 3, 2, 4
HUGE = 10 ** 6                           # rows and columns: 4 TB of f32
MOST_MEMORY = 300 * 2 ** 20              # bytes; the program with PoCL takes about a third


def npy_header(text):
    """A version 1.0 .npy header with this dictionary."""
    text = text.encode() + b" " * (-(10 + len(text) + 1) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


def npy_of_shape(shape, data=b"", dtype="<f4"):
    return npy_header(f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}") + data


class Refusals(Case):
    def assertOneLine(self, result, *telling):
        self.assertRegex(result.err, r"^dropcl: [^\n]+\n$")
        for words in telling:
            self.assertIn(str(words), result.err)
        self.assertEqual(result.out, "")

    def refuse(self, words, *telling, status=INPUT, environment=AS_USERS):
        """The command ends with the status, one line that holds the telling words, and no new file."""
        before = sorted(self.folder.rglob("*"))
        result = self.dropcl(*words, status=status, environment=environment)
        self.assertOneLine(result, *telling)
        self.assertEqual(sorted(self.folder.rglob("*")), before)

    def refuse_file(self, name, content, *telling, status=INPUT):
        """No command that takes a matrix takes this file; all of them name it."""
        if isinstance(content, bytes):
            self.path(name).write_bytes(content)
        elif content is not None:
            self.save(name, content)
        for command in (["factorize", name], ["threshold", name], ["balance", name, name]):
            self.refuse([*command, "-o", "out"], f"dropcl: {name}: ", *telling, status=status)


class Files(Refusals):
    def test_missing(self):
        self.refuse_file("missing.npy", None, "no such file")

    def test_folder(self):
        self.path("folder.npy").mkdir()
        self.refuse_file("folder.npy", None, "this is a folder")

    def test_empty_file(self):
        self.refuse_file("empty.npy", b"", "the file is empty")

    @unittest.skipIf(os.geteuid() == 0, "root may read everything")
    def test_not_readable(self):
        self.save("secret.npy", small()).chmod(0)
        self.refuse_file("secret.npy", None, "may not be read")

    def test_unknown_format(self):
        self.refuse_file("picture.png", b"\x89PNG\r\n\x1a\n" + bytes(100), "format", "unknown")

    def test_broken_gzip(self):
        whole = gzip.compress(npy_of_shape((60, 40), small().astype("<f4").tobytes()))
        self.refuse_file("short.npy.gz", whole[:len(whole) // 2], "gzip data ends too early")
        flipped = bytearray(whole)
        for place in range(len(whole) // 2, len(whole) // 2 + 50):
            flipped[place] ^= 0x55
        self.refuse_file("damaged.npy.gz", bytes(flipped), "damaged")


class Npy(Refusals):
    def test_truncated_at_any_place(self):
        whole = npy_of_shape((6, 4), bytes(96))
        for length in (3, 8, 9, 60, 127, 128, 130, len(whole) - 1):
            self.refuse(["factorize", self.write("cut.npy", whole[:length]), "-o", "out"], "cut.npy: ")
        self.refuse_file("cut.npy", whole[:-1], "truncated")

    def write(self, name, content):
        self.path(name).write_bytes(content)
        return name

    def test_header_that_promises_more_than_there_is(self):
        self.refuse_file("lies.npy", npy_of_shape((7, 4), bytes(96)), "announces 112 bytes", "only 96")

    def test_header_that_promises_less_than_there_is(self):
        self.refuse_file("lies.npy", npy_of_shape((5, 4), bytes(96)), "16 bytes too many")

    def test_header_that_is_none(self):
        self.refuse_file("odd.npy", npy_header("{'descr': <f4}"), "header is malformed")
        self.refuse_file("odd.npy", npy_of_shape((-3, 4)), "shape")

    def test_one_and_three_dimensions(self):
        self.refuse_file("line.npy", numpy.ones(5), "1-D", "matrix (2-D)")
        self.refuse_file("cube.npy", numpy.ones((2, 3, 4)), "3-D", "2x3x4")
        self.refuse_file("point.npy", numpy.array(1.5), "0-D")

    def test_types_that_are_not_real_numbers(self):
        self.refuse_file("complex.npy", small().astype("c8"), "complex", "<c8")
        self.refuse_file("strings.npy", numpy.array([["a", "b"]]), "strings")
        self.refuse_file("records.npy", numpy.zeros((2, 2), [("a", "f4")]), "records")
        self.refuse_file("objects.npy", npy_of_shape((2, 2), bytes(32), "|O"), "Python objects")

    def test_entries_that_are_not_finite(self):
        for value in (numpy.nan, numpy.inf, -numpy.inf):
            matrix = small()
            matrix[4, 6] = value
            self.refuse_file("hole.npy", matrix, "1 of 2400 entries", "not finite", "row 5, column 7")

    def test_missing_entries_are_for_others(self):
        matrix = small()
        matrix[4, 6] = numpy.nan
        self.save("hole.npy", matrix)
        self.save("X.npy", small())
        elsewhere = ("--solver grow", "`dropcl complete`")
        self.refuse(["factorize", "hole.npy", "-o", "out"], "hole.npy: 1 of 2400 entries", *elsewhere)
        for words in (["factorize", "hole.npy", "--data", "X.npy"], ["factorize", "X.npy", "--data", "hole.npy"],
                      ["threshold", "hole.npy"]):
            result = self.dropcl(*words, "-o", "out", status=INPUT)
            self.assertFalse(any(word in result.err for word in elsewhere), result.err)

    def test_entries_too_large_for_single_precision(self):
        self.refuse_file("large.npy", numpy.full((3, 3), 1e200), "not finite", "f32")

    def test_entries_whose_squares_are_too_large(self):
        self.save("large.npy", small() * 1e30)
        self.refuse(["factorize", "large.npy", "-o", "out"], "no longer finite", "f64", status=1)
        fit = self.factorize(self.path("large.npy"), "--dtype", "f64")
        self.assertLess(fit.report["relative_gap"], 0.02)

    def test_no_entries(self):
        self.refuse_file("none.npy", numpy.ones((0, 4)), "empty", "0x4")
        self.refuse_file("none.npy", numpy.ones((4, 0)), "empty", "4x0")


class HugeShapes(Refusals):
    def refuse_huge(self, name, content, *telling):
        """Refused, too, without taking memory of that size."""
        self.path(name).write_bytes(content)
        command = [str(PROGRAM), "factorize", name, "-o", "out"]
        process = subprocess.Popen(command, cwd=self.folder, text=True, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        out, err = process.stdout.read(), process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        process.stdout.close()
        process.stderr.close()
        self.assertEqual((process.returncode, out), (INPUT, ""), err)
        self.assertRegex(err, r"^dropcl: [^\n]+\n$")
        for words in (name, *telling):
            self.assertIn(words, err)
        self.assertLess(usage.ru_maxrss * 1024, MOST_MEMORY)
        self.assertFalse(self.path("out").exists())

    def test_npy(self):
        self.refuse_huge("huge.npy", npy_of_shape((HUGE, HUGE)), "announces 4000000000000 bytes")
        self.refuse_huge("huge.npy", npy_of_shape((2 ** 40, 2 ** 40)), "shape")
        self.refuse_huge("huge.npy", npy_of_shape((10 ** 30, 1)), "shape")

    def test_compressed_npy(self):
        content = gzip.compress(npy_of_shape((HUGE, HUGE)))
        self.refuse_huge("huge.npy.gz", content, "announces 4000000000000 bytes")

    def test_idx(self):
        content = b"\0\0\x08\x02" + 2 * HUGE.to_bytes(4, "big")
        self.refuse_huge("huge.idx", content, "announces 1000000000000 bytes")

    def test_matrix_market(self):
        for kind in ("array", "coordinate"):
            entries = "" if kind == "array" else " 1"
            text = f"%%MatrixMarket matrix {kind} real general\n{HUGE} {HUGE}{entries}\n1 1 1\n"
            self.refuse_huge("huge.mtx", text.encode())


class Text(Refusals):
    def test_ragged_rows(self):
        self.refuse_file("ragged.csv", b"1,2,3\n4,5\n6,7,8\n", "line 2 has 2 fields", "line 1 has 3")

    def test_words_among_the_numbers(self):
        self.refuse_file("words.csv", b"a,b\n1,2\n3,many\n", "line 3, column 2", '"many" is not a number')

    def test_missing_entries(self):
        self.refuse_file("holes.csv", b"1,2\n3,\n", "1 of 4 entries", "row 2, column 2")

    def test_only_a_header(self):
        self.refuse_file("header.csv", b"a,b,c\n", "no rows")

    def test_matrix_market_that_breaks_off(self):
        content = b"%%MatrixMarket matrix array real general\n2 2\n1\n2\n3\n"
        self.refuse_file("short.mtx", content, "header announces")


class Outputs(Refusals):
    def setUp(self):
        super().setUp()
        self.save("Y.npy", small())
        self.fit = ["factorize", "Y.npy", "--rank", 4, "--steps", 5]

    def test_a_file_where_the_folder_should_be(self):
        for out in ("Y.npy", "Y.npy/below"):
            for command in (self.fit, ["threshold", "Y.npy"], ["balance", "Y.npy", "Y.npy"]):
                self.refuse([*command, "-o", out], "Y.npy: the folder cannot be created")

    def test_a_place_where_nothing_can_be_written(self):
        self.refuse([*self.fit, "-o", "/proc/out"], "/proc/out: the folder cannot be created")

    @unittest.skipIf(os.geteuid() == 0, "root may write everywhere")
    def test_a_folder_without_permission(self):
        self.path("mine").mkdir(mode=0o555)
        self.refuse([*self.fit, "-o", "mine"], "mine", "Permission denied")
        self.refuse([*self.fit, "-o", "mine/new"], "mine/new", "Permission denied")

    def test_files_beside_the_folder_that_cannot_be_written(self):
        for option in ("--graph", "--trace"):
            self.refuse([*self.fit, "-o", "out", option, "nowhere/file"], "nowhere/file", "No such file")
            self.refuse([*self.fit, "-o", "out", option, "."], ".: this is a folder")

    def test_full_device(self):
        self.refuse([*self.fit, "-o", "out", "--graph", "/dev/full"], "/dev/full", "No space left")
        self.dropcl(*self.fit, "-o", "out", "--graph", "graph.json")
        run = ["run", "graph.json", "--feed", "Y=Y.npy"]
        self.refuse([*run, "--fetch", "U=/dev/full"], "/dev/full", "No space left")
        self.refuse(["run", "graph.json", "--dot", "/dev/full"], "/dev/full", "No space left")

    def test_full_standard_output(self):
        for words in (self.fit + ["-o", "out"], ["devices", "--quick"], ["ops"], ["--help"]):
            with open("/dev/full", "w", encoding="ascii") as full:
                done = subprocess.run([str(word) for word in (PROGRAM, *words)], cwd=self.folder, stdout=full,
                                      stderr=subprocess.PIPE, text=True, check=False)
            self.assertEqual(done.returncode, INPUT, words)
            self.assertRegex(done.stderr, r"^dropcl: [^\n]*output[^\n]*No space left[^\n]*\n$")

    def full_disk(self, kilobytes):
        """A folder on a file system of this size."""
        folder = self.path("disk")
        folder.mkdir(exist_ok=True)
        mount = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "dropcl-test", folder]
        if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
            self.skipTest("a small tmpfs cannot be mounted here (this needs root)")
        self.addCleanup(subprocess.run, ["umount", folder], check=True)
        return folder

    def fill_disk(self, kilobytes):
        """A run ends where the disk is full; returns the names of the files that are there then."""
        self.save("images.npy", images(400))
        room = self.full_disk(kilobytes)
        result = self.dropcl("factorize", "images.npy", "--rank", 64, "--steps", 5, "-o", "disk/out",
                             status=INPUT)
        self.assertOneLine(result, "disk/out/", "No space left")
        return sorted(str(file.relative_to(room)) for file in room.rglob("*") if file.is_file())

    def test_full_disk(self):
        self.assertEqual(self.fill_disk(kilobytes=64), [])
        self.assertFalse(self.path("disk/out").exists())

    def test_disk_with_room_for_some_of_the_files(self):
        self.assertEqual(self.fill_disk(kilobytes=160), ["out/U.npy", "out/report.json"])
        self.assertEqual(numpy.load(self.path("disk/out/U.npy")).shape, (400, 64))
        report = json.loads(self.path("disk/out/report.json").read_text(encoding="utf-8"))
        self.assertEqual((report["command"], report["status"]), ("factorize", "unfinished"))


class Options(Refusals):
    def test_empty_names(self):
        self.refuse(["factorize", self.save("Y.npy", small()), "-o", ""], "-o needs a value: DIR", status=USAGE)
        self.refuse(["predict", "", "pairs.csv"], "an argument is empty; usage: dropcl predict DIR PAIRS", status=USAGE)

    def setUp(self):
        super().setUp()
        self.save("Y.npy", small())

    def refuse_options(self, *options_and_words):
        for options, *telling in options_and_words:
            self.refuse(["factorize", "Y.npy", "-o", "out", *options.split()], *telling, status=USAGE)

    def test_retain_outside_0_to_1(self):
        self.refuse_options(*((f"--retain {text}", "--retain", text, "above 0 and at most 1")
                              for text in ("0", "-0.5", "1.5")))
        self.refuse_options(("--lambda -1", "--lambda", "at least 0"))
        self.refuse(["threshold", "Y.npy", "-o", "out", "--retain", "0"], "--retain", status=USAGE)

    def test_numbers_that_are_none(self):
        self.refuse_options(("--retain half", "--retain", "'half' must be a number"),
                            ("--retain nan", "--retain", "'nan' must be a number"),
                            ("--rank 3.5", "--rank", "'3.5' must be an integer"),
                            ("--seed -1", "--seed", "integer from 0"),
                            ("--scale 1/0", "--scale", "'1/0' must be a number"))

    def refuse_numbers(self, options, numbers, wanted):
        """Options, as "command --option --option", do not take these numbers, with whatever else they are given."""
        for command, *names in map(str.split, options):
            for name in names:
                for number in numbers:
                    self.refuse([command, name, number], f"{name}: '{number}' must be {wanted}", status=USAGE)

    def test_what_is_counted_starts_at_1(self):
        options = ("factorize --rank --path --block --steps --batch", "threshold --rank --block",
                   "complete --rank --path --steps", "certify --block", "balance --block", "bench --block --repeats",
                   "train --batch --epochs --patience", "run --steps")
        self.refuse_numbers(options, (0, -1), "an integer from 1 on")

    def test_sizes_of_steps_gaps_and_times_are_above_0(self):
        options = ("factorize --rate --tolerance --energy", "complete --tolerance", "train --rate", "tune --time")
        self.refuse_numbers(options, (0, -0.5), "a number above 0")

    def test_data_times_0_is_no_data(self):
        options = ("factorize --scale", "threshold --scale", "certify --scale", "train --scale")
        self.refuse_numbers(options, ("0", "0/255"), "a number other than 0")

    def test_batches_of_another_solver(self):
        self.refuse_options(("--batch 5 --solver explicit", "batch", "stochastic"))

    def test_unknown_words(self):
        self.refuse_options(("--sponge 3", "no option --sponge"),
                            ("--solver magic", "'magic' must be stochastic|"),
                            ("--rank", "--rank needs a value"), ("more", "unexpected argument 'more'"))
        self.refuse(["sponge"], "no command 'sponge'", status=USAGE)
        for command in COMMANDS:
            self.refuse([command, "--sponge"], "no option --sponge", f"dropcl {command} --help", status=USAGE)

    def test_missing_arguments(self):
        self.refuse(["factorize", "Y.npy"], "-o DIR is missing", status=USAGE)
        for command in ("factorize", "threshold", "balance", "run", "new-op"):
            self.refuse([command], f"usage: dropcl {command}", status=USAGE)

    def test_device_that_is_not_there(self):
        for selector in ("sponge", "99", "gpu\x01"):
            self.refuse(["factorize", "Y.npy", "-o", "out", "--device", selector], "no device",
                        "dropcl devices", status=DEVICE)

    def test_no_opencl_driver_at_all(self):
        nothing = {**RUSTICL, "OCL_ICD_VENDORS": "/nonexistent-dir"}
        for words in (["devices"], ["factorize", "Y.npy", "-o", "out"], ["threshold", "Y.npy", "-o", "out"]):
            self.refuse(words, "no OpenCL device found", "install", "pocl-opencl-icd", status=DEVICE,
                        environment=nothing)

    def test_factors_that_do_not_belong_together(self):
        self.save("U.npy", small()[:, :3])
        self.refuse(["balance", "U.npy", "Y.npy", "-o", "out"], "U.npy has 3 columns", "Y.npy has 40")


class Graphs(Refusals):
    def setUp(self):
        super().setUp()
        self.save("Y.npy", small())
        self.graph = {"format": "dropcl-graph/1", "dtype": "f32",
                      "inputs": [{"name": "Y", "shape": [60, 40]}],
                      "nodes": [{"name": "turned", "op": "transpose", "inputs": ["Y"]},
                                {"name": "gram", "op": "matmul", "inputs": ["Y", "turned"]},
                                {"name": "size", "op": "sum_squares", "inputs": ["gram"]}],
                      "results": {"size": "size"}}

    def refuse_graph(self, *telling, status=INPUT, options=()):
        """`dropcl run` of self.graph is refused."""
        self.path("graph.json").write_text(json.dumps(self.graph), encoding="utf-8")
        self.refuse(["run", "graph.json", "--feed", "Y=Y.npy", *options], *telling, status=status)

    def test_one_without_a_fault_runs(self):
        self.path("graph.json").write_text(json.dumps(self.graph), encoding="utf-8")
        result = self.dropcl("run", "graph.json", "--feed", "Y=Y.npy")
        wanted = numpy.linalg.norm(small() @ small().T) ** 2
        self.assertClose(float(result.out.split(" = ")[1]), wanted, 1e-5)

    def test_unknown_op(self):
        self.graph["nodes"][1]["op"] = "matmull"
        self.refuse_graph("graph.json", "matmull", "'gram'", "did you mean 'matmul'")

    def test_unknown_value(self):
        self.graph["nodes"][1]["inputs"] = ["Y", "turnd"]
        self.refuse_graph("graph.json", "'turnd'", "'gram'")

    def test_cycle(self):
        self.graph["nodes"][0]["inputs"] = ["gram"]
        self.refuse_graph("graph.json", "cycle", "turned", "gram")

    def test_shapes_that_do_not_fit(self):
        self.graph["nodes"].append({"name": "product", "op": "matmul", "inputs": ["turned", "turned"]})
        self.refuse_graph("graph.json", "product", "turned", "40x60")
        self.graph["nodes"][-1] = {"name": "sum", "op": "add", "inputs": ["turned", "Y"]}
        self.refuse_graph("graph.json", "sum", "turned", "Y", "40x60", "60x40")

    def test_unknown_member_attribute_and_result(self):
        self.graph["colour"] = "red"
        self.refuse_graph("graph.json", "colour")
        del self.graph["colour"]
        self.graph["nodes"][1]["attributes"] = {"transposed": True}
        self.refuse_graph("graph.json", "gram", "transposed")
        del self.graph["nodes"][1]["attributes"]
        self.graph["results"] = {"size": "sise"}
        self.refuse_graph("graph.json", "sise")

    def test_not_json(self):
        for text in ("", "{", "[]", "{}", '{"format": "dropcl-graph/9", "dtype": "f32"}'):
            self.path("graph.json").write_text(text, encoding="utf-8")
            self.refuse(["run", "graph.json"], "graph.json: ")

    def test_missing_graph(self):
        self.refuse(["run", "missing.json"], "missing.json", "no such file")

    def test_feeds_and_fetches_that_do_not_fit(self):
        self.refuse_graph("'nothing'", status=USAGE, options=["--fetch", "nothing"])
        self.refuse_graph("'Z'", status=USAGE, options=["--feed", "Z=Y.npy"])
        self.refuse_graph("--feed", "NAME=FILE", status=USAGE, options=["--feed", "Y"])
        self.save("line.npy", numpy.ones(5))
        self.refuse_graph("line.npy", "'Y'", "60x40", options=["--feed", "Y=line.npy"])
        self.refuse_graph("missing.npy", "no such file", options=["--feed", "Y=missing.npy"])

    def test_feeding_a_file_times_0(self):
        self.refuse_graph("--scale 'Y=0'", "other than 0", status=USAGE, options=["--scale", "Y=0"])

    def test_nothing_fed(self):
        self.path("graph.json").write_text(json.dumps(self.graph), encoding="utf-8")
        self.refuse(["run", "graph.json"], "'Y'", "not fed", status=USAGE)

    def test_huge_shape(self):
        self.graph["inputs"].append({"name": "Z", "shape": [HUGE, HUGE]})
        self.graph["nodes"].append({"name": "sum", "op": "sum", "inputs": ["Z"]})
        self.graph["results"]["sum"] = "sum"
        self.refuse_graph("'Z'", status=DEVICE)


if __name__ == "__main__":
    unittest.main()
