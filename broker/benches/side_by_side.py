#!/usr/bin/env python3
"""Runs this broker and stock Java RocketMQ 4.3.0 side by side and prints their ratios as a table.

Both brokers live through a series of workloads; windows alternate between them in random order, so that what else
happens on the machine hits both. A ratio is the median over the pairs, beside its smallest and largest value.

    cargo build --release && mvn -q -B -f java-it generate-test-resources
    broker/benches/side_by_side.py                   # all workloads, 5 pairs each
    broker/benches/side_by_side.py --only S1,S5 --pairs 7 --raw raw.jsonl

Needs python3, a JDK and, for system calls per message, perf (the column is empty without it).
"""

import argparse
import json
import os
import random
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OURS, JAVA = "ours", "java"
PACKAGES = ["java.nio", "sun.nio.ch", "jdk.internal.ref", "java.lang", "java.util"]

# name: (what, options of `rocketmq bench`, messages of a request, flush)
ASYNC, SYNC = "ASYNC_FLUSH", "SYNC_FLUSH"


def send(connections, depth, body=128, *more):
    return ["send", "--connections", connections, "--depth", depth, "--body", body, *more]


def pull(connections, depth, body=128):
    topic = f"Pull{body}"
    return ["pull", "--connections", connections, "--depth", depth, "--body", body, "--topic", topic]


WORKLOADS = {
    "S1": ("send 128 B, 1x1", send(1, 1), 1, ASYNC),
    "S2": ("send 128 B, 64x1", send(64, 1), 1, ASYNC),
    "S4": ("send 128 B, 1x32", send(1, 32), 1, ASYNC),
    "S5": ("send 128 B, 16x16", send(16, 16), 1, ASYNC),
    "S6": ("send 128 B, 16x32", send(16, 32), 1, ASYNC),
    "S7a": ("send 1 KiB, 64x1", send(64, 1, 1024), 1, ASYNC),
    "S7b": ("send 1 KiB, 16x16", send(16, 16, 1024), 1, ASYNC),
    "B1": ("batch 32 x 128 B, 4x4", send(4, 4, 128, "--batch", 32), 32, ASYNC),
    "B2": ("batch 32 x 1 KiB, 4x4", send(4, 4, 1024, "--batch", 32), 32, ASYNC),
    "P2": ("pull 32 x 128 B, 8x1", pull(8, 1), 1, ASYNC),
    "P3": ("pull 32 x 128 B, 8x4", pull(8, 4), 1, ASYNC),
    "P4": ("pull 32 x 1 KiB, 8x4", pull(8, 4, 1024), 1, ASYNC),
    "E1": ("end to end, 500/s", ["end-to-end", "--topic", "EndToEnd", "--rate", 500], 1, ASYNC),
    "F1": ("sync flush 128 B, 1x1", send(1, 1), 1, SYNC),
    "F2": ("sync flush 128 B, 64x1", send(64, 1), 1, SYNC),
    "F4": ("sync flush 128 B, 16x32", send(16, 32), 1, SYNC),
}


class Broker:
    """One broker process with an empty store."""

    def __init__(self, kind, port, flush, home, options):
        self.kind, self.port, self.home = kind, port, Path(home) / f"{kind}-{flush}"
        self.home.mkdir(parents=True)
        conf = self.home / "broker.conf"
        conf.write_text(
            f"brokerClusterName=DefaultCluster\nbrokerName={kind}\nbrokerId=0\nbrokerIP1=127.0.0.1\nbrokerIP2=127.0.0.1\n"
            f"listenPort={port}\nstorePathRootDir={self.home}/store\nstorePathCommitLog={self.home}/store/commitlog\n"
            f"flushDiskType={flush}\nwaitTimeMillsInSendQueue=10000\nfileReservedTime=1\ndeleteWhen=00;12\n"
        )
        command = [str(options.ours), "broker", "-c", str(conf)] if kind == OURS else java_command(options, self.home, conf)
        environment = dict(os.environ, ROCKETMQ_HOME=str(self.home))
        environment.pop("NAMESRV_ADDR", None)
        self.log = open(self.home / "out.log", "wb")
        begin = time.monotonic()
        self.process = subprocess.Popen(command, stdout=self.log, stderr=subprocess.STDOUT, env=environment, cwd=self.home)
        wait_for_port(port, self)
        self.start_seconds = time.monotonic() - begin

    @property
    def pid(self):
        return self.process.pid

    def anonymous_mib(self):
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) / 1024
        return float("nan")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
        shutil.rmtree(self.home, ignore_errors=True)


def java_command(options, home, conf):
    logs = home / "conf"
    logs.mkdir()
    silent = "<configuration><root level='OFF'/></configuration>"
    (logs / "logback_broker.xml").write_text(silent)
    flags = [flag for package in PACKAGES for flag in
             ("--add-opens", f"java.base/{package}=ALL-UNNAMED", "--add-exports", f"java.base/{package}=ALL-UNNAMED")]
    heap = ["-Xms2g", "-Xmx2g", "-Xmn1g", "-XX:+UseG1GC", "-XX:MaxDirectMemorySize=4g"]
    return ["java", *flags, *heap, f"-Duser.home={home}", "-cp", f"{options.stock}/*",
            "org.apache.rocketmq.broker.BrokerStartup", "-c", str(conf)]


def wait_for_port(port, broker):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if broker.process.poll() is not None:
                raise SystemExit(f"{broker.kind} ended: {(broker.home / 'out.log').read_text()[-2000:]}") from None
            time.sleep(0.002)
    raise SystemExit(f"{broker.kind} does not listen")


def window(options, broker, name, seconds, warm_up):
    """One measured window of a workload: what the driver says, plus system calls and disk bytes."""
    _, load, messages, _ = WORKLOADS[name]
    refresh_memory()
    os.sync()
    sectors = sectors_written(broker.home)
    command = [str(options.ours), "bench", *map(str, load), "--address", f"127.0.0.1:{broker.port}",
               "--pid", str(broker.pid), "--seconds", str(seconds), "--warm-up", str(warm_up), "--json"]
    driver = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    calls = system_calls_per_s(options, broker, warm_up, seconds)
    out, err = driver.communicate(timeout=300)
    if driver.returncode != 0:
        raise SystemExit(f"{name} against {broker.kind}: {err}")
    figures = json.loads(out)
    refused = {code: count for code, count in figures["codes"].items() if code != "0"}
    if refused:
        raise SystemExit(f"{name} against {broker.kind}: answers by code {figures['codes']}")
    os.sync()
    total = figures["codes"].get("0", 0) * messages
    if load[0] == "send":
        figures["disk_bytes_per_message"] = (sectors_written(broker.home) - sectors) * 512 / max(total, 1)
    if calls is not None:
        figures["system_calls_per_message"] = calls / max(figures["messages_per_s"], 1e-9)
    return figures


def refresh_memory():
    """Touches and frees memory, so that every window finds the guest's memory in the same state."""
    block = bytearray(b"\1") * (3 << 30)
    del block


def sectors_written(path):
    device = os.stat(path).st_dev
    wanted = (os.major(device), os.minor(device))
    for line in Path("/proc/diskstats").read_text().splitlines():
        fields = line.split()
        if (int(fields[0]), int(fields[1])) == wanted:
            return int(fields[9])
    return 0


def system_calls_per_s(options, broker, warm_up, seconds):
    """Counts for a second in the middle of the window."""
    if not options.perf:
        return None
    time.sleep(warm_up + max(0.0, (seconds - 1) / 2))
    command = ["perf", "stat", "-x", ",", "-e", "raw_syscalls:sys_enter", "-p", str(broker.pid), "--", "sleep", "1"]
    text = subprocess.run(command, capture_output=True, text=True).stderr
    for line in text.splitlines():
        if "raw_syscalls:sys_enter" in line and line.split(",")[0].isdigit():
            return int(line.split(",")[0])
    return None


COLUMNS = [
    ("throughput", "messages_per_s"),
    ("P50", "p50_us"),
    ("P99", "p99_us"),
    ("CPU/message", "broker_cpu_us_per_message"),
    ("system calls/message", "system_calls_per_message"),
    ("disk bytes/message", "disk_bytes_per_message"),
    ("anonymous memory, MiB", "broker_anonymous_mib"),
]


def series(options, names, flush, rows, raw):
    random.seed(options.seed)
    with tempfile.TemporaryDirectory(dir=options.dir, prefix="side-by-side-") as home:
        brokers = {}
        for offset, kind in enumerate((OURS, JAVA)):
            brokers[kind] = Broker(kind, options.port + 10 * offset, flush, home, options)
        try:
            for broker in brokers.values():
                rows.setdefault("R1", {}).setdefault("start_s", {}).setdefault(broker.kind, []).append(broker.start_seconds)
            time.sleep(3)
            for broker in brokers.values():
                rows["R1"].setdefault("idle_anonymous_mib", {}).setdefault(broker.kind, []).append(broker.anonymous_mib())
            for broker in brokers.values() if flush == SYNC else ():
                # Past its first MiBs a log file behaves otherwise than at its start.
                window(options, broker, "B2", 4, 0)
            for name in names:
                for broker in brokers.values():  # once, long, for the compiler of the JVM
                    window(options, broker, name, options.jvm_warm_up if broker.kind == JAVA else 1, 0)
                for pair in range(options.pairs):
                    kinds = [OURS, JAVA]
                    random.shuffle(kinds)
                    for kind in kinds:
                        figures = window(options, brokers[kind], name, options.seconds, 1)
                        if options.raw:
                            raw.write(json.dumps({"workload": name, "pair": pair, "broker": kind, **figures}) + "\n")
                            raw.flush()
                        for _, key in COLUMNS:
                            if key in figures:
                                rows.setdefault(name, {}).setdefault(key, {}).setdefault(kind, []).append(figures[key])
                print(f"{name} done", file=sys.stderr, flush=True)
        finally:
            for broker in brokers.values():
                broker.stop()


def number(value):
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"


def cell(row, key):
    both = row.get(key, {})
    if len(both.get(OURS, [])) == 0 or len(both.get(JAVA, [])) == 0:
        return "", "", ""
    ratios = [ours / java for ours, java in zip(both[OURS], both[JAVA]) if java]
    ratio = f"{statistics.median(ratios):.3g} ({min(ratios):.3g}-{max(ratios):.3g})" if ratios else ""
    return number(statistics.median(both[OURS])), number(statistics.median(both[JAVA])), ratio


def table(rows):
    print("| workload | figure | ours | Java 4.3.0 | ours / Java: median (min-max) |")
    print("|---|---|---|---|---|")
    for name, (what, *_) in WORKLOADS.items():
        for title, key in COLUMNS:
            ours, java, ratio = cell(rows.get(name, {}), key)
            if ours:
                print(f"| {name} {what} | {title} | {ours} | {java} | {ratio} |")
    for title, key in (("start to listening, s", "start_s"), ("anonymous memory when idle, MiB", "idle_anonymous_mib")):
        ours, java, ratio = cell(rows.get("R1", {}), key)
        if ours:
            print(f"| R1 empty start | {title} | {ours} | {java} | {ratio} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ours", type=Path, default=ROOT / "target/release/rocketmq", help="our executable")
    parser.add_argument("--stock", type=Path, default=ROOT / "java-it/target/stock", help="folder of the stock jars")
    parser.add_argument("--only", default=",".join(WORKLOADS), help="workloads, joined with commas")
    parser.add_argument("--pairs", type=int, default=5, help="windows of each broker")
    parser.add_argument("--seconds", type=float, default=3.0, help="length of a window")
    parser.add_argument("--jvm-warm-up", type=float, default=10.0, help="load on the JVM before the first window, s")
    parser.add_argument("--port", type=int, default=62911, help="first port")
    parser.add_argument("--dir", default=None, help="where the stores are made (default: the folder for temporary files)")
    parser.add_argument("--seed", type=int, default=43, help="of the order of the windows")
    parser.add_argument("--raw", default=None, help="file for a line of JSON a window")
    options = parser.parse_args()
    options.perf = shutil.which("perf") is not None
    for needed in (options.ours, options.stock):
        if not needed.exists():
            raise SystemExit(f"{needed} is missing: cargo build --release; mvn -q -B -f java-it generate-test-resources")
    names = [name for name in options.only.split(",") if name]
    unknown = [name for name in names if name not in WORKLOADS]
    if unknown:
        raise SystemExit(f"unknown workloads: {unknown}; there are {list(WORKLOADS)}")
    rows = {}
    with open(options.raw or os.devnull, "a") as raw:
        for flush in (ASYNC, SYNC):
            chosen = [name for name in names if WORKLOADS[name][3] == flush]
            if chosen:
                series(options, chosen, flush, rows, raw)
    table(rows)


if __name__ == "__main__":
    main()
