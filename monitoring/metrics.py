"""Every metric that Sluice publishes, declared once; a test holds the README's table against this list."""

from dataclasses import dataclass
from typing import Literal

# Seconds. From 50 µs, because that is where an in-process answer begins, to the seconds of a frozen dependency.
LATENCY_BUCKETS = (
    50e-6, 100e-6, 150e-6, 200e-6, 300e-6, 400e-6, 500e-6, 750e-6,
    1e-3, 1.5e-3, 2e-3, 3e-3, 4e-3, 5e-3, 7.5e-3,
    10e-3, 15e-3, 20e-3, 30e-3, 50e-3, 75e-3, 100e-3, 150e-3, 250e-3, 500e-3, 1.0, 2.5,
)  # fmt: skip
ROW_BUCKETS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0)


@dataclass(frozen=True, slots=True)
class Metric:
    """A Prometheus metric; histograms carry upper bounds of their buckets, without +Inf."""

    name: str
    help: str
    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    buckets: tuple[float, ...] = ()


CALLS = Metric(
    "sluice_calls_total",
    "Rows answered or refused, by the arm that was assigned and Sluice's own code (OK when answered).",
    "counter",
    ("deployment", "arm", "code"),
)
FAULTS = Metric(
    "sluice_faults_total",
    "What was at fault: rows outside the output contract (contract), rows at which a run fails again (row), runs that "
    "succeed when repeated (flaky); rows not settled (unfinished) and runs not looked at (dropped).",
    "counter",
    ("deployment", "arm", "kind"),
)
RESCUED = Metric(
    "sluice_rescued_total",
    "Rows that another lane answered because the arm that was assigned could not, or not in time, by that arm.",
    "counter",
    ("deployment", "arm"),
)
CALL_SECONDS = Metric(
    "sluice_call_seconds",
    "Time from a row's arrival to its answer, answered rows only.",
    "histogram",
    ("deployment", "arm"),
    LATENCY_BUCKETS,
)
STAGE_SECONDS = Metric(
    "sluice_stage_seconds",
    "Time of one stage of the line; queue is per row, features and infer are per list.",
    "histogram",
    ("deployment", "arm", "stage"),
    LATENCY_BUCKETS,
)
LIST_ROWS = Metric("sluice_list_rows", "Rows that travelled in one list.", "histogram", ("deployment",), ROW_BUCKETS)
DECISIONS = Metric("sluice_decisions_total", "Decisions of the policy.", "counter", ("deployment", "arm", "decision"))
FEATURES_NOT_FRESH = Metric(
    "sluice_features_not_fresh_total",
    "Stored features that were null, missing, stale, late, broken or last known, counted per row.",
    "counter",
    ("deployment", "feature", "status"),
)
FEATURE_KEYS = Metric(
    "sluice_feature_keys_total",
    "Distinct entity keys of a list, where views tolerate something: hit (from memory, young enough), read, last_known "
    "(from memory, because the store did not answer), late, skipped (optional, and no time).",
    "counter",
    ("deployment", "outcome"),
)
KEPT_ANSWERS = Metric(
    "sluice_kept_answers_total",
    "Answers of deployments whose repeated calls are answered alike: kept, replayed (also where two came at once), "
    "reused (refused: the request id was another call's) or unknown (could not be looked up, or not be kept).",
    "counter",
    ("deployment", "outcome"),
)
PRECOMPUTED_ROWS = Metric(
    "sluice_precomputed_rows_total",
    "Rows of deployments whose scores are computed ahead: hit, or run in process because the score was missing, old, "
    "late (the feature store did not answer) or other (the call brought features that it was not computed for).",
    "counter",
    ("deployment", "outcome"),
)
QUEUED_CALLS = Metric(
    "sluice_queued_calls_total",
    "Calls of near real time: accepted or refused (the queue was full) by Submit; answered, failed for good, again "
    "(left for another try), expired (of no use any more) or dead (given up) by the workers.",
    "counter",
    ("outcome",),
)
QUEUE_LENGTH = Metric(
    "sluice_queue_length",
    "Calls of near real time that wait or are in hand, of all gateways at that Redis; 0 also while it does not answer.",
    "gauge",
    (),
)
SHADOW_ROWS = Metric(
    "sluice_shadow_rows_total",
    "Rows mirrored to a shadow: ok, failed (it raised or broke the output contract) or dropped (no room, or the "
    "gateway under strain).",
    "counter",
    ("deployment", "version", "outcome"),
)
SHADOW_FLIPS = Metric(
    "sluice_shadow_flips_total",
    "Mirrored rows on which the shadow decided otherwise than the arm that answered.",
    "counter",
    ("deployment", "version"),
)
RECORDS = Metric(
    "sluice_records_total",
    "Rows chosen for a decision record: written, dropped (no room in the queue) or failed (the disk took them not).",
    "counter",
    ("deployment", "outcome"),
)
RECORD_SEGMENTS_REMOVED = Metric(
    "sluice_record_segments_removed_total",
    "Segments of decision records that went, oldest first, to keep their bound.",
    "counter",
    ("slot",),
)
BUNDLE = Metric(
    "sluice_bundle_info",
    "1 for every bundle that a worker holds.",
    "gauge",
    ("deployment", "arm", "version", "digest"),
)
TABLE = Metric("sluice_table_number", "Number of the table that is served.", "gauge", ("deployment",))
DECLARATION_BROKEN = Metric(
    "sluice_declaration_broken",
    "1 while a deployment goes on with its last table: its deployment.yaml or a bundle is broken or gone.",
    "gauge",
    ("deployment",),
)
WORKER_STARTS = Metric(
    "sluice_worker_starts_total", "Times that a worker of this slot became ready.", "counter", ("slot",)
)
SPARE_WORKERS = Metric(
    "sluice_spare_workers",
    "Processes that wait, everything imported, for the place of a worker that dies.",
    "gauge",
    (),
)
CONTROL_HEARD = Metric(
    "sluice_control_heard",
    "1 while rollouts are steered: the control Redis answers, and somebody leads. 0: canaries lose their weight.",
    "gauge",
    (),
)
WINDOWS_LOST = Metric(
    "sluice_windows_lost_total",
    "Windows for rollouts' judges that were thrown away, because the control Redis was away for too long.",
    "counter",
    (),
)
HOST_STARTS = Metric(
    "sluice_host_starts_total",
    "Times that a lane host (the process of a canary or shadow) was started.",
    "counter",
    ("deployment", "version"),
)
HOST_DEATHS = Metric(
    "sluice_host_deaths_total",
    "Times that a lane host died: spawn, load, golden, memory, stuck, nonsense, signal or exit.",
    "counter",
    ("deployment", "version", "reason"),
)
HOST_DOWN = Metric(
    "sluice_host_down", "1 while any worker's lane host is not ready.", "gauge", ("deployment", "version")
)
HOST_BUSY = Metric(
    "sluice_host_busy", "Runs in flight in the busiest worker's lane host.", "gauge", ("deployment", "version")
)
TRITON_OUTSTANDING = Metric(
    "sluice_triton_outstanding",
    "Runs under way on a Triton, of the busiest worker.",
    "gauge",
    ("deployment", "version", "address"),
)
TRITON_DOWN = Metric(
    "sluice_triton_down",
    "1 while any worker does not ask that Triton for the bundle: it is away, or far slower than the others.",
    "gauge",
    ("deployment", "version", "address"),
)
TRITON_LEFT = Metric(
    "sluice_triton_left_total",
    "Times that a worker has asked a Triton no more: away (gone, silent, the model lost) or slow.",
    "counter",
    ("deployment", "version", "address", "reason"),
)
TRITON_REPEATED = Metric(
    "sluice_triton_repeated_total",
    "Runs that a Triton was asked for after another one had failed to answer.",
    "counter",
    ("deployment", "version", "address"),
)
LOOP_LATE = Metric(
    "sluice_loop_late_seconds",
    "How late a worker's event loop comes round, at least, at each of its last looks: above 0.01 for long, its server"
    " is likely to turn calls away, which nobody else can count.",
    "gauge",
    ("slot",),
)

ALL = (
    CALLS,
    RESCUED,
    FAULTS,
    CALL_SECONDS,
    STAGE_SECONDS,
    LIST_ROWS,
    DECISIONS,
    FEATURES_NOT_FRESH,
    FEATURE_KEYS,
    KEPT_ANSWERS,
    PRECOMPUTED_ROWS,
    QUEUED_CALLS,
    QUEUE_LENGTH,
    SHADOW_ROWS,
    SHADOW_FLIPS,
    RECORDS,
    RECORD_SEGMENTS_REMOVED,
    BUNDLE,
    TABLE,
    DECLARATION_BROKEN,
    WORKER_STARTS,
    SPARE_WORKERS,
    CONTROL_HEARD,
    WINDOWS_LOST,
    HOST_STARTS,
    HOST_DEATHS,
    HOST_DOWN,
    HOST_BUSY,
    TRITON_OUTSTANDING,
    TRITON_DOWN,
    TRITON_LEFT,
    TRITON_REPEATED,
    LOOP_LATE,
)
BY_NAME = {metric.name: metric for metric in ALL}
