#!/usr/bin/env python3
"""Prints the files of Debian packages that are installed here, and of all that they need: one root file system's worth.

    host-packages.py PACKAGE…   their paths without the leading slash, each ended by a NUL, parents before children

Fails, and says which, if a package is not installed.
"""

import os
import re
import subprocess
import sys


def installed():
    """Each installed package with what it needs; what provides each name that others may need; and what none goes without."""
    form = "${db:Status-Status}\t${Package}\t${Essential}\t${Provides}\t${Pre-Depends}, ${Depends}\n"
    said = subprocess.run(["dpkg-query", "--show", "--showformat", form], check=True, capture_output=True, text=True)
    needs, provided, essential = {}, {}, []
    for line in said.stdout.splitlines():
        status, name, is_essential, provides, depends = line.split("\t")
        if status != "installed":
            continue
        if is_essential == "yes":
            essential.append(name)
        needs[name] = [names(alternatives) for alternatives in depends.split(",")]
        for other in [name, *names(provides.replace(",", "|"))]:
            provided.setdefault(other, name)
    return needs, provided, essential


def names(alternatives):
    """`a (>= 1) | b:any` names a and b."""
    found = (re.match(r"[a-z0-9][a-z0-9+.-]*", each.strip()) for each in alternatives.split("|"))
    return [each.group() for each in found if each]


def closure(wanted, needs, provided):
    found, open_ = set(), list(wanted)
    while open_:
        name = open_.pop()
        if name in found:
            continue
        found.add(name)
        for alternatives in needs[name]:
            open_ += [provided[each] for each in alternatives if each in provided]
    return sorted(found)


def placed(path):
    """Where it really lies: Debian's packages name files in /bin that are in /usr/bin."""
    folder, name = os.path.split(path)
    return os.path.join(os.path.realpath(folder), name).lstrip("/")


def alternatives(files):
    """Links that no package has, as awk is one: in /usr/bin, by way of /etc/alternatives, to one of the files."""
    found = set()
    for link in os.scandir("/usr/bin"):
        by = os.readlink(link.path) if link.is_symlink() else ""
        if by.startswith("/etc/alternatives/") and os.path.realpath(link.path).lstrip("/") in files:
            found |= {link.path.lstrip("/"), by.lstrip("/")}
    return found


def main(wanted):
    needs, provided, essential = installed()
    missing = [name for name in wanted if name not in needs]
    if missing:
        sys.exit(f"Debian's packages are not installed: {' '.join(missing)}")
    listed = ["dpkg-query", "--listfiles", *closure([*wanted, *essential], needs, provided)]
    paths = subprocess.run(listed, check=True, capture_output=True, text=True).stdout.splitlines()
    files = {placed(path) for path in paths if path.startswith("/") and path != "/."}
    # Manuals and translations are half of the files, and nothing reads them.
    skipped = ("usr/share/doc/", "usr/share/man/", "usr/share/locale/", "usr/share/info/")
    files |= alternatives(files)
    for path in sorted(path for path in files if path and not path.startswith(skipped)):
        if os.path.lexists(f"/{path}"):
            sys.stdout.buffer.write(os.fsencode(path) + b"\0")


main(sys.argv[1:])
