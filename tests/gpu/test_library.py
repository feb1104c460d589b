# SPDX-License-Identifier: Apache-2.0
"""The CUDA back end's library: device code of every architecture that was asked for, and one function for the outside.

test_library.py LIBRARY ARCHITECTURES...   for example libheddle-cuda.so 80 90 90a ptx90: code of three, and PTX of one for cards to come
Reads the fat binaries itself: cuobjdump is not part of every installation. Where it is, it must see the same.
"""
import re
import shutil
import struct
import subprocess
import sys

MAGIC = struct.pack("<I", 0xBA55ED50)
PTX, ELF = 1, 2
OWN = 0x100000  # flag of an entry: instructions of this architecture only, as of sm_90a


def entries(data):
    """Of each entry of each fat binary: its kind, "90a", and how many bytes it has."""
    at = data.find(MAGIC)
    while at >= 0:
        _, version, header, size = struct.unpack_from("<IHHQ", data, at)
        end = at + header + size
        if version != 1 or end > len(data):
            at = data.find(MAGIC, at + 4)
            continue
        at += header
        while at < end:
            kind, _, header, size = struct.unpack_from("<HHIQ", data, at)
            (architecture,) = struct.unpack_from("<I", data, at + 28)
            (flags,) = struct.unpack_from("<Q", data, at + 40)
            yield kind, f"{architecture}{'a' if flags & OWN else ''}", size
            at += header + size
        at = data.find(MAGIC, end)


def main(library, arguments):
    wanted = [a for a in arguments if not a.startswith("ptx")]
    wanted_ptx = [a[3:] for a in arguments if a.startswith("ptx")]
    data = open(library, "rb").read()
    code, ptx = {}, {}
    for kind, architecture, size in entries(data):
        found = {ELF: code, PTX: ptx}.get(kind)
        if found is not None:
            files, total = found.get(architecture, (0, 0))
            found[architecture] = (files + 1, total + size)
    for architecture, (files, size) in sorted(code.items()):
        print(f"sm_{architecture}: {files} files, {size / 1e6:.2f} MB")
    for architecture, (files, size) in sorted(ptx.items()):
        print(f"PTX for sm_{architecture}: {files} files")
    if set(code) != set(wanted):
        sys.exit(f"FAILED: {library} has code for {sorted(code)}, not for {sorted(wanted)}")
    most = max(files for files, _ in code.values())
    thin = [a for a, (files, _) in code.items() if files < most and not (a == "90" and "90a" in wanted)]  # *_wgmma.cu: 90a only
    if thin:
        sys.exit(f"FAILED: some files lack code for {thin}")
    if set(ptx) != set(wanted_ptx):
        sys.exit(f"FAILED: {library} has PTX for {sorted(ptx)}, not for {sorted(wanted_ptx)}")
    if shutil.which("cuobjdump"):
        listed = subprocess.run(["cuobjdump", "--list-elf", library], capture_output=True, text=True, check=True).stdout
        if set(re.findall(r"\.sm_(\d+[af]?)\.", listed)) != set(wanted):
            sys.exit(f"FAILED: cuobjdump sees something else:\n{listed}")
    shown = subprocess.run(["nm", "-D", "--defined-only", library], capture_output=True, text=True, check=True).stdout
    names = [line.split()[-1] for line in shown.splitlines()]
    if names != ["hdi_backend_open"]:
        sys.exit(f"FAILED: {library} shows {names}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
