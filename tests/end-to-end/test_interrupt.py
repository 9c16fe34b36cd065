"""test_interrupt.py: an interrupted run leaves what it reached, and goes on from there to the same bits."""
import json
import os
import pty
import select
import shutil
import signal
import subprocess
import time
import unittest

import numpy

import theory
from common import AS_USERS, PROGRAM, Case, Fit, small
from program import Result

INTERRUPTED = 130
PATIENCE = 300                           # seconds for something to appear on the terminal
PICTURES = {"report.svg", "report.png"}


class Terminal:
    """The program with a terminal as stderr, where it shows its progress."""

    def __init__(self, folder, words):
        self.master, slave = pty.openpty()
        environment = {key: value for key, value in os.environ.items() if key not in AS_USERS}
        command = [str(word) for word in (PROGRAM, *words)]
        self.process = subprocess.Popen(command, cwd=folder, env=environment, text=True, stderr=slave,
                                        stdout=subprocess.PIPE)
        os.close(slave)
        self.shown = ""

    def read(self):
        """Reads a part of what is shown; false at the end."""
        if not select.select([self.master], [], [], PATIENCE)[0]:
            self.process.kill()
            raise TimeoutError(f"nothing new after {self.shown!r}")
        try:
            part = os.read(self.master, 65536)
        except OSError:                  # how Linux says that the other side is closed
            part = b""
        self.shown += part.decode(errors="replace")
        return bool(part)

    def wait_for(self, text):
        while text not in self.shown and self.read():
            pass

    def finish(self):
        """Waits for the end; what is shown becomes the result's stderr."""
        while self.read():
            pass
        os.close(self.master)
        out, _ = self.process.communicate()
        return Result(subprocess.CompletedProcess([], self.process.returncode, out, self.shown))


class Interrupt(Case):
    steps = 20_000

    def setUp(self):
        super().setUp()
        self.save("Y.npy", small())

    def words(self, out, *options, solver="stochastic"):
        return ["factorize", "Y.npy", "-o", out, "--rank", 6, "--steps", self.steps, "--solver", solver,
                *options]

    def interrupt(self, words, number=signal.SIGINT, after="step "):
        """Sends the signal as soon as progress is shown."""
        terminal = Terminal(self.folder, words)
        terminal.wait_for(after)
        terminal.process.send_signal(number)
        return terminal.finish()

    def assertInterrupted(self, result, out):
        self.assertEqual(result.status, INTERRUPTED, result.text)
        self.assertRegex(result.err, rf"dropcl: interrupted at step \d+; what was reached is in {out}, and "
                                     r"--resume goes on from there\r\n$")
        fit = Fit(self.path(out), result)
        self.assertIn(fit.report["status"], ("stopped", "certified"))
        self.assertLess(fit.report["steps"], self.steps)
        self.assertTrue(self.path(out).joinpath("checkpoint").exists())
        self.assertTrue(all(self.path(out).joinpath(name).stat().st_size for name in PICTURES))
        return fit


class AtOnce(Case):
    """What has nothing to keep before its end does not go on to it."""
    def setUp(self):
        super().setUp()
        self.save("Y.npy", numpy.random.default_rng(1).normal(size=(1500, 1500)))

    def interrupt(self, *words, number=signal.SIGINT, after="out"):
        """Sends the signal when such a file is there; the program ends soon."""
        environment = {key: value for key, value in os.environ.items() if key not in AS_USERS}
        command = [str(word) for word in (PROGRAM, *words, "-o", "out")]
        process = subprocess.Popen(command, cwd=self.folder, env=environment, text=True, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        while process.poll() is None and not any(self.folder.glob(after)):
            time.sleep(0.01)
        process.send_signal(number)
        start = time.monotonic()
        result = Result(subprocess.CompletedProcess([], None, *process.communicate()))
        self.assertLess(time.monotonic() - start, 2)
        self.assertEqual(process.returncode, INTERRUPTED, result.text)
        self.assertEqual(result.text, "dropcl: interrupted before there was anything to keep\n")

    def test_closed_forms(self):
        for words in (["factorize", "Y.npy", "--solver", "closed-form", "--rank", 1500], ["threshold", "Y.npy"],
                      ["balance", "Y.npy", "Y.npy"]):
            for number in (signal.SIGINT, signal.SIGTERM):
                self.interrupt(*words, number=number)
                self.assertEqual(os.listdir(self.folder), ["Y.npy"])

    def test_a_folder_that_was_there_stays_and_a_file_that_grew_does_not(self):
        self.path("out").mkdir()
        self.interrupt("factorize", "Y.npy", "--solver", "closed-form", "--rank", 1500, "--trace", "trace.csv",
                       after="trace.csv.*")
        self.assertEqual(sorted(os.listdir(self.folder)), ["Y.npy", "out"])


class Resume(Interrupt):
    def test_the_result_has_the_same_bits_as_that_of_a_run_without_interrupts(self):
        whole = Fit(self.path("whole"), self.dropcl(*self.words("whole")))
        first = self.assertInterrupted(self.interrupt(self.words("parts")), "parts")
        second = self.assertInterrupted(self.interrupt(self.words("parts", "--resume")), "parts")
        self.assertGreater(second.report["steps"], first.report["steps"])
        self.assertNotEqual(second.factor_bytes(), whole.factor_bytes())
        last = Fit(self.path("parts"), self.dropcl(*self.words("parts", "--resume")))
        self.assertEqual(last.report["steps"], self.steps)
        self.assertEqual(last.factor_bytes(), whole.factor_bytes())
        self.assertEqual(last.report["objective"], whole.report["objective"])

    def test_what_was_reached_is_reported_as_it_is(self):
        fit = self.assertInterrupted(self.interrupt(self.words("fit"), number=signal.SIGTERM), "fit")
        matrix = small().astype("f4").astype(float)
        wanted = theory.objective(matrix, fit.u.astype(float), fit.v.astype(float), 0.5)
        self.assertClose(fit.report["objective"], wanted, 1e-9)
        self.assertEqual(int(fit.history[-1]["step"]), fit.report["steps"])

    def test_descent_resumes_too(self):
        def words(out, *options):
            return self.words(out, "--optimizer", "adam", *options, solver="explicit")

        whole = Fit(self.path("whole"), self.dropcl(*words("whole")))
        self.assertInterrupted(self.interrupt(words("parts")), "parts")
        last = Fit(self.path("parts"), self.dropcl(*words("parts", "--resume")))
        self.assertEqual(last.factor_bytes(), whole.factor_bytes())


class ResumeWithData(Interrupt):
    """Without batches the problem without X is trained; with them X stays beside Y."""
    def setUp(self):
        super().setUp()
        self.save("X.npy", numpy.random.default_rng(1).normal(size=(15, 40)))

    def check(self, *options):
        words = ("--data", "X.npy", *options)
        whole = Fit(self.path("whole"), self.dropcl(*self.words("whole", *words)))
        first = self.assertInterrupted(self.interrupt(self.words("parts", *words)), "parts")
        self.assertEqual(first.v.shape, (15, 6))
        self.refuse_without(words)
        last = Fit(self.path("parts"), self.dropcl(*self.words("parts", "--resume", *words)))
        self.assertEqual(last.report["steps"], self.steps)
        self.assertEqual(last.factor_bytes(), whole.factor_bytes())
        for key in ("objective", "lower_bound", "constant", "data_rank"):
            self.assertEqual(last.report[key], whole.report[key])

    def refuse_without(self, words):
        """The checkpoint is of another run without X."""
        result = self.dropcl(*self.words("parts", "--resume", *words[2:]), status=2)
        self.assertIn("parts/checkpoint", result.err)

    def test_the_result_has_the_same_bits(self):
        self.check()

    def test_with_batches_too(self):
        self.check("--batch", 10)


class Refused(Interrupt):
    def refuse(self, words, *telling, status=3):
        result = self.dropcl(*words, status=status)
        self.assertRegex(result.err, r"^dropcl: [^\n]+\n$")
        for text in telling:
            self.assertIn(text, result.err)
        self.assertEqual(result.out, "")

    def test_resuming_without_a_checkpoint(self):
        self.refuse(self.words("fit", "--resume"), "fit/checkpoint", "no checkpoint", "--resume")
        self.assertFalse(self.path("fit").exists())

    def test_resuming_what_was_another_run(self):
        fit = self.assertInterrupted(self.interrupt(self.words("fit")), "fit")
        for option in (["--rank", 5], ["--seed", 2], ["--dtype", "f64"], ["--solver", "explicit"]):
            self.refuse(self.words("fit", "--resume", *option), "fit/checkpoint", status=2)
        for option in (["--retain", 0.4], ["--scale", 0.99], ["--noise", "none"]):
            self.refuse(self.words("fit", "--resume", *option), "fit/checkpoint", "another problem", status=2)
        numpy.save(self.path("Y.npy"), small() + 0.01)
        self.refuse(self.words("fit", "--resume"), "fit/checkpoint", "another problem", status=2)
        numpy.save(self.path("Y.npy"), small()[:50])
        self.refuse(self.words("fit", "--resume"), "fit/checkpoint", status=2)
        self.assertEqual(Fit(self.path("fit"), None).factor_bytes(), fit.factor_bytes())

    def test_resuming_from_a_damaged_checkpoint(self):
        self.assertInterrupted(self.interrupt(self.words("fit")), "fit")
        checkpoint = self.path("fit/checkpoint")
        shutil.copytree(checkpoint, self.path("copy"))
        for file in sorted(file.relative_to(checkpoint) for file in checkpoint.rglob("*") if file.is_file()):
            content = (checkpoint / file).read_bytes()
            (checkpoint / file).write_bytes(content[:len(content) // 2])
            self.refuse(self.words("fit", "--resume"), "fit/checkpoint")
            (checkpoint / file).write_bytes(content)
        self.dropcl(*self.words("fit", "--resume"))


class Progress(Interrupt):
    steps = 200

    def watch(self, *options):
        result = Terminal(self.folder, self.words("fit", *options)).finish()
        self.assertEqual(result.status, 0)
        return result

    def test_a_terminal_shows_it_and_loses_it_in_the_end(self):
        shown = self.watch().err
        number = r"[\d.e+-]+"
        self.assertRegex(shown, rf"step \d+/200  objective {number}  gap {number}  {number} steps/s  "
                                r"\d+ s left")
        self.assertTrue(shown.endswith("\r\x1b[K"), shown)

    def test_quiet_shows_nothing(self):
        self.assertEqual(self.watch("--quiet").err, "")

    def test_results_go_to_stdout_alone(self):
        for options in ([], ["--quiet"]):
            result = self.dropcl(*self.words("fit", *options))
            self.assertRegex(result.out, r"(?m)^objective +\d")
            self.assertEqual(result.err, "")


class Run(Interrupt):
    def test_a_graph_run_stops_with_what_it_reached(self):
        self.dropcl(*self.words("fit", "--graph", "graph.json"))
        self.path("U.npy").unlink(missing_ok=True)
        result = self.interrupt(["run", "graph.json", "--feed", "Y=Y.npy", "--steps", self.steps * 100,
                                 "--fetch", "U=U.npy"])
        self.assertEqual(result.status, INTERRUPTED)
        self.assertRegex(result.err, r"dropcl: interrupted at step \d+; what was reached was fetched\r\n$")
        self.assertTrue(numpy.isfinite(numpy.load(self.path("U.npy"))).all())


class Grow(Interrupt):
    """Known entries with little to find in them, so that no lambda is done soon."""
    def setUp(self):
        super().setUp()
        noise = numpy.random.default_rng(1).normal(size=(600, 500))
        noise[numpy.random.default_rng(2).random(noise.shape) < 0.5] = numpy.nan
        self.save("holes.npy", noise)

    def check(self, words, out, message):
        result = self.interrupt(words, after="round ")
        self.assertEqual(result.status, INTERRUPTED, result.text)
        self.assertRegex(result.err, rf"dropcl: interrupted at lambda [\d.e+-]+; {message} is in {out}\r\n$")
        report = json.loads(self.path(out).joinpath("report.json").read_text(encoding="utf-8"))
        self.assertLessEqual(report["lower_bound"], report["objective"])
        self.assertTrue(all(numpy.isfinite(numpy.load(self.path(f"{out}/{name}.npy"))).all() for name in "UV"))
        return report

    def test_growth_stops_with_the_factors_it_reached(self):
        words = ["factorize", "holes.npy", "-o", "fit", "--solver", "grow", "--share", 0.05, "--path", 20,
                 "--tolerance", 1e-9]
        report = self.check(words, "fit", "what was reached")
        self.assertLess(len(report["path"]), 20)

    def test_a_completion_stops_with_the_best_model_so_far(self):
        words = ["complete", "holes.npy", "-o", "fit", "--share", 0.05, "--path", 100, "--tolerance", 1e-9]
        self.check(words, "fit", "the best that was reached")
        self.path("pairs.csv").write_text("1,1\n", encoding="utf-8")
        self.assertEqual(len(self.dropcl("predict", "fit", "pairs.csv").out.splitlines()), 2)


class Train(Interrupt):
    samples = 20_000

    def test_training_stops_within_an_epoch_with_the_weights_it_reached(self):
        draw = numpy.random.default_rng(1)
        self.save("X.npy", draw.normal(size=(self.samples, 3)))
        self.save("T.npy", draw.integers(0, 2, size=self.samples))
        result = self.interrupt(["train", "X.npy", "T.npy", "-o", "net", "--batch", 1, "--epochs", 3],
                                after="epoch 1/3")
        self.assertEqual(result.status, INTERRUPTED, result.text)
        self.assertRegex(result.err, r"dropcl: interrupted; what was reached is in net, and --weights goes on from "
                                     r"there\r\n$")
        report = json.loads(self.path("net/report.json").read_text(encoding="utf-8"))
        # One, if it was heard between epochs.
        self.assertEqual(report["epochs"], 1 + (report["steps"] > self.samples))
        self.assertTrue(self.samples <= report["steps"] < 2 * self.samples, report["steps"])
        weights = numpy.load(self.path("net/weights.npz"))
        self.assertTrue(all(numpy.isfinite(weights[name]).all() for name in weights.files))
        self.dropcl("train", "X.npy", "T.npy", "-o", "more", "--weights", "net/weights.npz", "--epochs", 1)


if __name__ == "__main__":
    unittest.main()
