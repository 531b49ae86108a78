"""What each service process holds in memory after work, beside FastAPI with asyncpg alone."""

from bench.findings import COUNTY, HOUSING, INSPECTORS, finding
from bench.load import request, run_load
from bench.log_problem import CLIENTS, log_requests
from bench.rounds import Figure
from bench.stack import Bench, Process
from shared.ids import new_id
from shared.security import Role

LIMIT_MEGABYTES = 130.0
SERVICES = ("households", "funds", "inspection", "notify")


async def measure(bench: Bench) -> list[Figure]:
    """Megabytes resident; all four run together, and every one has answered 32 clients."""
    count = bench.options.sized(4_000, 600)
    bench.start_broker()
    processes = {
        service: bench.start_service(service, await bench.database(service)) for service in SERVICES
    }
    bare_url = await bench.database("notify")
    bare = bench.start_python("bare", ("bench.bare_service",), {"DATABASE_URL": bare_url})

    async def load(process: Process, *requests: bytes, status: int = 200) -> None:
        await bench.in_client(run_load, process.port, requests, CLIENTS, status)

    token = bench.token(INSPECTORS, Role.INSPECTOR)
    office = bench.token(f"POV@{COUNTY}", Role.POVERTY_OFFICE)
    batch = {"rows": [finding(number) for number in range(1_000)]}
    key = {"Idempotency-Key": str(new_id())}
    await load(processes["inspection"], *log_requests(token, count), status=201)
    await load(
        processes["inspection"], request("POST", "/problems:batch", token, batch, key), status=201
    )
    reads = {
        "households": request("GET", f"/regions?parent={COUNTY}&limit=200", office),
        "funds": request("GET", "/allocations?limit=200", office),
        "inspection": request("GET", "/problems?limit=200", office),
        "notify": request(
            "POST",
            f"/queues/{HOUSING}/pull",
            bench.token(HOUSING, Role.DEPT_HANDLER),
            {"max": 100, "lease_seconds": 1},
        ),
    }
    for service, read in reads.items():
        await load(processes[service], *[read] * (count // 4))
    await load(bare, *[request("GET", "/one", office)] * count)
    return [
        Figure(f"memory of {name}", "MB", bare.memory, process.memory, limit=LIMIT_MEGABYTES)
        for name, process in processes.items()
    ]
