#!/usr/bin/env python3
"""Writes a bill of materials (CycloneDX 1.5, JSON) of the module: the libraries that it is linked with, what else is
compiled into it, and the nginx that it is built for, each with the version of its Debian package.

    bill_of_materials.py MODULE.so

The same module, packages and SOURCE_DATE_EPOCH give the same bytes."""

import datetime
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import uuid

ROOT = pathlib.Path(__file__).resolve().parents[1]
HEADERS_ONLY = ("libexpected-dev",)  # compiled into the module
NGINX = "nginx-dev"


def output(*command) -> str:
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout


def version_of_the_gateway() -> str:
    return re.search(r'#define IMAGE_GATEWAY_VERSION "(.*)"', (ROOT / "src/core/version.h").read_text())[1]


def linked_packages(module: str) -> list:
    """Debian's packages of the libraries that the module names itself."""
    needed = re.findall(r"NEEDED\s+(\S+)", output("objdump", "-p", module))
    paths = dict(re.findall(r"^\s+(\S+) \(libc6,[^)]*\) => (\S+)$", output("/sbin/ldconfig", "-p"), re.MULTILINE))
    found = set()
    for name in needed:
        if name.startswith("ld-linux"):
            continue
        # Since /usr was merged, dpkg may know a file below /lib or below /usr/lib.
        for path in (paths[name], re.sub("^/lib", "/usr/lib", paths[name]), re.sub("^/usr/lib", "/lib", paths[name])):
            owner = subprocess.run(["dpkg-query", "-S", path], text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            if owner.returncode == 0:
                found.add(owner.stdout.split(":")[0])
                break
        else:
            sys.exit(f"no package has {paths[name]}")
    return sorted(found)


def component(package: str, distribution: str, kind: str = "library") -> dict:
    name, version, architecture, source = output(
        "dpkg-query", "-W", "-f", "${Package}\t${Version}\t${Architecture}\t${source:Package}\n", package
    ).splitlines()[0].split("\t")
    url = f"pkg:deb/debian/{name}@{version.replace('+', '%2B')}?arch={architecture}&distro={distribution}"
    return {"type": kind, "bom-ref": url, "name": name, "version": version, "purl": url,
            "properties": [{"name": "debian:source", "value": source}]}


def distribution() -> str:
    release = dict(re.findall(r'^(\w+)="?([^"\n]*)"?$', pathlib.Path("/etc/os-release").read_text(), re.MULTILINE))
    return f"{release['ID']}-{release.get('VERSION_ID', 'unreleased')}"


def main(module: str) -> None:
    epoch = int(os.environ["SOURCE_DATE_EPOCH"])
    where = distribution()
    linked = [component(name, where) for name in linked_packages(module)]
    compiled_in = [component(name, where) for name in HEADERS_ONLY]
    built_for = [component(NGINX, where, "application")]
    digest = hashlib.sha256(pathlib.Path(module).read_bytes()).hexdigest()
    gateway = f"image-gateway@{version_of_the_gateway()}"
    everything = linked + compiled_in + built_for
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "metadata": {
            "timestamp": datetime.datetime.fromtimestamp(epoch, datetime.timezone.utc).isoformat(),
            "component": {"type": "library", "bom-ref": gateway, "name": "image-gateway", "version": version_of_the_gateway(),
                          "hashes": [{"alg": "SHA-256", "content": digest}]}},
        "components": everything,
        "dependencies": [{"ref": gateway, "dependsOn": [one["bom-ref"] for one in everything]}],
    }
    document["serialNumber"] = f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(document, sort_keys=True))}"
    json.dump(document, sys.stdout, indent=2)
    sys.stdout.write("\n")


main(*sys.argv[1:])
