"""smoke"""
from services.inspection.main import SERVICE

HH="01990000-0000-7000-8000-000000000001"
async def test_smoke(start) -> None:
    app = await start(SERVICE)
    h = app.headers("POV@511132","poverty_office")
    body={"source":"COUNTY_INSPECTION","found_on":"2019-08-20","kind":"HOUSING_UNSAFE","tier":"GENERAL","cohort":"EXITED","severity":"PROMINENT","object":{"type":"HOUSEHOLD","id":HH},"village_code":"511132201205","description":"墙裂"}
    r = await app.client.post("/api/v1/problems",json=body,headers={**h,"Idempotency-Key":"a"})
    print(r.status_code,r.text)
    r = await app.client.post("/api/v1/problems",json=body,headers={**h,"Idempotency-Key":"a"})
    print(r.status_code,r.text)
    r = await app.client.post("/api/v1/problems",json={**body,"source":"AUDIT","found_on":"2019-07-01"},headers={**h,"Idempotency-Key":"b"})
    print(r.status_code,r.text)
    i=r.json()["id"]
    r = await app.client.get("/api/v1/problems",headers=h); print(r.status_code,r.text)
    r = await app.client.get(f"/api/v1/problems/{i}",headers=h); print(r.status_code,r.text)
    r = await app.client.get("/api/v1/stats/problems?group_by=township",headers=h); print(r.status_code,r.text)
    r = await app.client.post(f"/api/v1/problems/{i}/accept",headers=app.headers("HOUS@511132","dept_handler")); print(r.status_code,r.text)
    r = await app.client.post(f"/api/v1/problems/{i}/extend",json={"due_on":"2019-12-01","reason":"x"},headers=app.headers("LG@511132","leading_group")); print(r.status_code,r.text)
    r = await app.client.post(f"/api/v1/problems:batch",json={"rows":[{**body,"object":{"type":"VILLAGE","code":"511132201205"}},{"x":1}, body]},headers=h); print(r.status_code,r.text)
    r = await app.client.post("/api/v1/campaigns",json={"name":"x","type":"LOOK_BACK","region_code":"511132","year":2019,"deadline_policy":{"rules":[{"id":"a","match":{},"due":{"days":3}}]}},headers=h); print(r.status_code,r.text)
    r = await app.client.get("/openapi.json"); print(r.status_code)
    print(await app.runtime.scheduler.tick())
    for e in await app.events(): print(e)
    r = await app.client.post("/api/v1/ops/run",json={"job":"overdue_scan","as_of":"2019-12-30T00:00:00+08:00"},headers=app.headers("OPS@511132","ops")); print(r.status_code,r.text)
    for e in (await app.events())[-4:]: print(e)
