"""check-sbom.py FOLDER: fails unless each crate of the workspace has a bill of materials there that is whole and sound:
of CycloneDX 1.5, every component named, versioned, addressed by a package URL and known to Cargo.lock, and every
dependency between components that are listed."""

import json
import re
import subprocess
import sys
from pathlib import Path


def problems(bom, crate, locked):
    if (bom.get("bomFormat"), bom.get("specVersion"), bom.get("version")) != ("CycloneDX", "1.5", 1):
        yield "it is not the first version of a document of CycloneDX 1.5"
    if not re.fullmatch(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", bom.get("serialNumber", "")):
        yield "its serial number is no UUID"
    subject = bom["metadata"]["component"]
    if subject.get("name") != crate:
        yield f"it is about {subject.get('name')}"
    refs = {subject["bom-ref"]}
    for component in bom.get("components", []):
        name = f"{component.get('name')} {component.get('version')}"
        if component.get("type") not in ("library", "application"):
            yield f"{name} is a {component.get('type')}"
        if name not in locked:
            yield f"{name} is not in Cargo.lock"
        if not component.get("purl", "").startswith(f"pkg:cargo/{component.get('name')}@"):
            yield f"{name} has no package URL"
        if component["bom-ref"] in refs:
            yield f"{name} is listed twice"
        refs.add(component["bom-ref"])
    for dependency in bom.get("dependencies", []):
        for ref in [dependency["ref"], *dependency.get("dependsOn", [])]:
            if ref not in refs:
                yield f"a dependency leads to {ref}, which is not listed"


def main():
    folder = Path(sys.argv[1])
    metadata = json.loads(subprocess.check_output(["cargo", "metadata", "--format-version", "1", "--locked"]))
    members = set(metadata["workspace_members"])
    crates = {package["name"] for package in metadata["packages"] if package["id"] in members}
    locked = {f"{package['name']} {package['version']}" for package in metadata["packages"]}
    found = [f"{name}: there is none" for name in sorted(crates)]
    components = 0
    for path in sorted(folder.glob("*.cdx.json")):
        crate = path.name.removesuffix(".cdx.json")
        found = [problem for problem in found if problem != f"{crate}: there is none"]
        bom = json.loads(path.read_text())
        components += len(bom.get("components", []))
        found += [f"{crate}: {problem}" for problem in problems(bom, crate, locked)]
    if found or not components:
        sys.exit("the bill of materials is wrong:\n  " + "\n  ".join(found or ["it names nothing"]))
    print(f"{len(crates)} bills of materials in {folder}, with {components} components in all")


main()
