"""What a Triton server gives to Prometheus, of what the dashboards ask for; a test holds it against a real server."""

from __future__ import annotations

OF_MODELS: dict[str, set[str]] = {
    "nv_inference_request_success": {"model", "version"},
    "nv_inference_request_failure": {"model", "version", "reason"},
    "nv_inference_count": {"model", "version"},
    "nv_inference_exec_count": {"model", "version"},
    "nv_inference_queue_duration_us": {"model", "version"},
    "nv_inference_compute_infer_duration_us": {"model", "version"},
    "nv_inference_pending_request_count": {"model", "version"},
    "nv_cpu_memory_used_bytes": set(),
}
"""With their labels."""
OF_GPUS: dict[str, set[str]] = {"nv_gpu_utilization": {"gpu_uuid"}, "nv_gpu_memory_used_bytes": {"gpu_uuid"}}
"""Given where the server has GPUs, by its documentation."""
