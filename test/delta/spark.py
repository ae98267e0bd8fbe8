"""One Spark session with Delta. Reads steps as JSON lines on stdin: {"script", "args"}; each script sees `spark`, `args` and what
is defined here, and sets `result`. Answers with a JSON line each: {"result"} or {"error"}."""
import collections, json, os, re, sys

answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # what else is printed, by the JVM too, goes to stderr
os.environ["TZ"] = "UTC"
os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"

import pyarrow.parquet as pq
from pyspark.sql import SparkSession

jars = sys.argv[1]
spark = (
    SparkSession.builder.master("local[2]")
    .config("spark.jars", ",".join(os.path.join(jars, name) for name in os.listdir(jars) if name.endswith(".jar")))
    .config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
    .config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog")
    .config("spark.driver.memory", "1g")
    .config("spark.driver.host", "127.0.0.1")
    .config("spark.driver.extraJavaOptions", "-Duser.timezone=UTC")
    .config("spark.ui.enabled", "false")
    .config("spark.sql.session.timeZone", "UTC")
    .config("spark.sql.shuffle.partitions", "2")
    .config("spark.databricks.delta.snapshotPartitions", "2")
    .config("spark.sql.sources.parallelPartitionDiscovery.parallelism", "2")
    .config("spark.sql.warehouse.dir", sys.argv[2])
    .getOrCreate()
)
spark.sparkContext.setLogLevel("ERROR")


def sql(text):
    """Rows of a statement, as dictionaries."""
    return [row.asDict(recursive=True) for row in spark.sql(text).collect()]


def arrow(text):
    return spark.sql(text).toArrow()


def checkpoint(path):
    log = spark._jvm.org.apache.spark.sql.delta.DeltaLog.forTable(spark._jsparkSession, path)
    none = spark._jvm.scala.Option.empty()
    log.checkpoint(log.update(False, none, none), none)


def compare(theirs, parquet):
    """What differs, in types and in rows, between a query of Spark's and a Parquet file."""
    theirs, ours = arrow(theirs), pq.ParquetFile(parquet).read()
    # Arrow tells the inner name of a map's values as well, which is free.
    names = lambda table: [re.sub(r" \('\w+'\)", "", f"{field.name} {field.type}") for field in table.schema]
    rows = lambda table: collections.Counter(repr(row) for row in table.to_pylist())
    a, b = rows(theirs), rows(ours)
    return {
        "types": [line for line in names(theirs) if line not in names(ours)] + [line for line in names(ours) if line not in names(theirs)],
        "onlySpark": list((a - b).elements())[:5],
        "onlyOurs": list((b - a).elements())[:5],
        "rows": ours.num_rows,
    }


def answer(document):
    answers.write(json.dumps(document, default=str) + "\n")
    answers.flush()


answer({"result": spark.version})
for line in sys.stdin:
    step = json.loads(line)
    scope = {**globals(), "args": step["args"], "result": None}
    try:
        exec(step["script"], scope)
        answer({"result": scope["result"]})
    except Exception as error:
        # The first lines of a Java exception say what it is.
        text = str(error) or repr(error)
        answer({"error": "\n".join(text.split("\n")[:12])})
spark.stop()
