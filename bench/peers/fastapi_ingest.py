"""What a Python team would write for the same job: FastAPI, pydantic and uvicorn (with uvloop and
httptools) take the same batches, validate each event and append it to a file. No key, no redaction,
no sync: it does less than the collector that it is compared with.

usage: fastapi_ingest.py PORT FILE
"""
import sys
from typing import Annotated, Literal

import uvicorn
from fastapi import FastAPI, Response
from pydantic import BaseModel, ConfigDict, Field

PORT = int(sys.argv[1])
OUT = open(sys.argv[2], "ab", buffering=1 << 20)

Text = Annotated[str, Field(max_length=512)]


class Result(BaseModel):
    id: Annotated[str, Field(min_length=1, max_length=512)]
    position: Annotated[int, Field(ge=1, le=2**32 - 1)] | None = None
    score: float | None = None
    index: Text | None = None
    sponsored: bool | None = None


class SearchEvent(BaseModel):
    model_config = ConfigDict(extra="allow")

    event_id: Text
    timestamp: int
    query_id: Text
    service: Text
    version: Text | None = None
    session_id: Text | None = None
    query: Annotated[str, Field(max_length=32768)]
    latency_ms: Annotated[float, Field(ge=0, le=86_400_000)]
    took_ms: Annotated[int, Field(ge=0)] | None = None
    total_hits: Annotated[int, Field(ge=0)] | None = None
    index: Text | None = None
    ranker: Text | None = None
    status: Literal["ok", "error", "timeout", "partial", "cancelled"] = "ok"
    results: Annotated[list[Result], Field(max_length=1000)] = []


app = FastAPI()


@app.post("/api/v1/telemetry/batch", status_code=202)
async def batch(events: Annotated[list[SearchEvent], Field(max_length=500)]) -> Response:
    for event in events:
        OUT.write(event.model_dump_json(exclude_none=True).encode())
        OUT.write(b"\n")
    OUT.flush()
    return Response(f'{{"accepted":{len(events)}}}', 202, media_type="application/json")


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=PORT, log_level="warning", access_log=False)
