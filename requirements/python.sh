#!/bin/sh
# Prints the Python 3.11 that the environment is made from: the first that is built for speed, else the first there is,
# and python3 where there is none, for `make` to refuse by name.
# Built for speed is what was compiled with its optimisations, or is one program without a shared libpython (Debian's,
# whose own account of its build is another's). It answers a tenth more calls than a plain build.
fits='
import sys, sysconfig
optimised = "--enable-optimizations" in (sysconfig.get_config_var("CONFIG_ARGS") or "")
whole = "libpython" not in open("/proc/self/maps").read()
sys.exit(not ((optimised or whole or "any" in sys.argv) and sys.version_info[:2] == (3, 11)))'
for wish in fast any; do
    for python in python3 python3.11 /usr/bin/python3 /usr/local/bin/python3; do
        if "$python" -c "$fits" "$wish" 2>/dev/null; then
            command -v "$python"
            exit
        fi
    done
done
echo python3
