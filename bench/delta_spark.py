"""The Spark side of bench/delta.mjs: reads one JSON request a line, does it, answers with wall and CPU seconds (of the JVM)."""
import json
import os
import shutil
import subprocess
import sys
import time

answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # what else is printed, by the JVM too, goes to stderr
os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"

from pyspark.sql import SparkSession

jars = sys.argv[1]
spark = (
    SparkSession.builder.master(f"local[{os.cpu_count()}]")
    .config("spark.jars", ",".join(os.path.join(jars, name) for name in os.listdir(jars) if name.endswith(".jar")))
    .config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
    .config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog")
    .config("spark.driver.memory", "2g")
    .config("spark.driver.host", "127.0.0.1")
    .config("spark.ui.enabled", "false")
    .config("spark.sql.session.timeZone", "UTC")
    .config("spark.sql.shuffle.partitions", "4")
    .config("spark.databricks.delta.snapshotPartitions", "2")
    .config("spark.sql.warehouse.dir", sys.argv[2])
    .getOrCreate()
)
spark.sparkContext.setLogLevel("ERROR")


def rows(start, count):
    """The same rows as `tweets` of delta.mjs, in memory."""
    made = spark.range(start, start + count, 1, max(1, count // 50_000)).selectExpr(
        "CAST(1000000000000000 + id AS STRING) AS tweet_id", "timestamp_seconds(1788220800 + id) AS timestamp",
        "concat('user_', id % 5000) AS user", "element_at(array('en', 'es', 'de'), CAST(id % 3 + 1 AS INT)) AS lang",
        "concat('tweet ', id, ' says that the café @friend', id % 997, ' is open, and ', id * 7919 % 100003, ' others agree') AS full_text",
        "CASE WHEN id % 2 = 1 THEN array(concat('friend', id % 997)) ELSE CAST(array() AS array<string>) END AS mentions",
        "(id * 31 % 1000) / 10.0D AS predicted_score", "id AS likes",
    ).cache()
    made.count()
    return made


jvm = spark._jvm.java.lang.ProcessHandle.current().pid()


def cpu():
    """CPU seconds of the JVM so far."""
    if os.path.exists("/proc"):
        user, system = open(f"/proc/{jvm}/stat").read().rsplit(")", 1)[1].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
    hours, minutes, seconds = (["0"] + subprocess.check_output(["ps", "-o", "time=", "-p", str(jvm)], text=True).strip().split(":"))[-3:]
    return 3600 * int(hours) + 60 * int(minutes) + float(seconds)


ready = {}


def commits(path, count, size):
    parts = ready.setdefault((count, size), [rows(i * size, size) for i in range(count)])
    shutil.rmtree(path, ignore_errors=True)
    parts[0].limit(0).write.format("delta").save(path)
    used, wall = cpu(), time.perf_counter()
    for part in parts:
        part.write.format("delta").mode("append").save(path)
    return {"seconds": time.perf_counter() - wall, "cpu": cpu() - used}


for line in sys.stdin:
    request = json.loads(line)
    request.pop("do")
    answers.write(json.dumps(commits(**request)) + "\n")
    answers.flush()
spark.stop()
