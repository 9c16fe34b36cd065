#!/usr/bin/env python3
"""embed.py: turns a kernel file into a C header.

    embed.py NAME.cl NAME.cl.h [DEPFILE]

NAME.cl.h defines  static const char NAME_cl[]  with the text of NAME.cl, in which each line  #include "FILE"  is
replaced by FILE of the same folder: kernels are built from one text, so no compiler looks for files.
DEPFILE tells the build what was read.
"""
import pathlib
import re
import sys


def flatten(source: pathlib.Path, read: list[pathlib.Path]) -> str:
    """The text of a file with its includes in place; notes in `read` what was opened."""
    read.append(source)
    return re.sub(r'^#include "([\w.]+)"$', lambda match: flatten(source.with_name(match[1]), read),
                  source.read_text(encoding="ascii"), flags=re.MULTILINE)


def embed(source: pathlib.Path, header: pathlib.Path, depfile: pathlib.Path | None) -> None:
    """Writes the header. Bytes instead of a string literal, whose length C11 limits to 4095."""
    read: list[pathlib.Path] = []
    data = flatten(source, read).encode() + b"\0"
    name = source.name.replace(".", "_")
    lines = [f"/* {header.name}: the text of {source.name}, made by embed.py. */",
             f"static const char {name}[] = {{"]
    for start in range(0, len(data), 20):
        lines.append("    " + ", ".join(str(byte) for byte in data[start:start + 20]) + ",")
    lines.append("};")
    header.write_text("\n".join(lines) + "\n")
    if depfile:
        depfile.write_text(f"{header}: {' '.join(str(path) for path in read)}\n")


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    embed(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]),
          pathlib.Path(sys.argv[3]) if len(sys.argv) == 4 else None)
