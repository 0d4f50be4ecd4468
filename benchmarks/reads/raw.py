"""What the servers written by hand share: the official driver, an answer's rows, and uvicorn."""

import os
import sys
from typing import Any

import neo4j
import uvicorn

driver = neo4j.AsyncGraphDatabase.driver(os.environ["NEO4J_URI"])


async def read(text: str, values: dict[str, Any]) -> list[list[Any]]:
    """Return the rows of one read."""
    async with driver.session(default_access_mode=neo4j.READ_ACCESS) as session:
        result = await session.run(text, values)
        return await result.values()


def serve(app: Any) -> None:
    """Serve on the port that the command line names."""
    uvicorn.run(app, port=int(sys.argv[1]), log_level="warning", access_log=False, lifespan="off")
