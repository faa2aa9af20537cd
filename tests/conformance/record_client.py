#!/usr/bin/python3
"""Records what docker's client 28.2.2 on PATH prints and asks for, for every line of
tests/data/cli-cases.txt. Needs no daemon."""
import json
import shutil
import subprocess

import client_cases


def main():
    docker = shutil.which("docker")
    version = subprocess.run([docker, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    results = {}
    for options, line in client_cases.read_cases():
        key = (json.dumps(options) + " " if options else "") + line
        results[key] = client_cases.run_case(docker, options, line)
    text = json.dumps({"recorded_with": version, "cases": results}, indent=1, ensure_ascii=False)
    client_cases.EXPECTED.write_text(text + "\n")
    print(f"{len(results)} cases")


main()
