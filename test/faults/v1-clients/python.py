"""Writes notes with files in each way that two public Python clients of the family offer, and finds them again.

Prints a JSON line for each way. Started by v1-clients.ts, which puts the clients on the path.
"""

import json
import logging
import os

from fixit import FixItClient
from xurrent.core import XurrentApiHelper
from xurrent.people import Person
from xurrent.requests import Request
from xurrent.tasks import Task, TaskStatus
from xurrent.workflows import Workflow

url, token, account, directory = (os.environ[name] for name in ("GATEWAY_URL", "TOKEN", "ACCOUNT", "FILES"))
request_id = int(os.environ["REQUEST"])
records = json.loads(os.environ["RECORDS"])

helper = XurrentApiHelper(f"{url}/v1", token, account, logger=logging.getLogger("xurrent"))
uploads = FixItClient(f"{url}/v1", account, token)


def file(name: str) -> str:
    return os.path.join(directory, name)


def tell(way: str, request: Request, marker: str) -> None:
    """Finds the note among the notes of its record and by its id."""
    note = next(one for one in request.get_notes() if marker in one["text"])
    assert request.get_note_by_id(note["id"])["text"] == note["text"]
    files = [{name: one[name] for name in ("name", "inline", "size", "uri", "key")} for one in note["attachments"]]
    shown = {"way": way, "note": note["id"], "text": note["text"], "internal": note["internal"], "files": files}
    print(json.dumps(shown), flush=True)


request = Request.get_by_id(helper, request_id)

request.add_note("python-1 a text alone")
tell("add_note with a text", request, "python-1")

key = uploads.upload_file(file("cells.csv"))
request.add_note({"text": "python-2 with a file", "attachments": [{"key": key}]})
tell("add_note with attachments", request, "python-2")

key = uploads.upload_file(file("cells.csv"))
request.add_note({"text": f"python-3 shows ![]({key})", "internal": True, "text_attachments": [{"key": key, "inline": True}]})
tell("add_note, internal, inline text_attachments", request, "python-3")

keys = [uploads.upload_file(file("cells.csv")), uploads.upload_file(file("log.txt"))]
request.add_note(
    {
        "text": "python-4 both fields",
        "attachments": [{"key": keys[0]}],
        "text_attachments": [{"key": keys[1]}],
        "suppress_note_added_notifications": True,
    }
)
tell("add_note, both fields of attachments", request, "python-4")

key = uploads.upload_file(file("cells.csv"))
updated = request.update({"status": "in_progress", "note": "python-5 from the record", "note_attachments": [{"key": key}]})
assert updated.status == "in_progress", updated.status
tell("update with note_attachments", request, "python-5")

key = uploads.upload_file(file("cells.csv"))
request.update({"internal_note": "python-6 only we see it", "internal_note_attachments": [{"key": key}]})
tell("update with internal_note_attachments", request, "python-6")

opened = Request.create(helper, {"subject": "Opened by a Python client", "note": "python-7 first note"})
tell("create with a note", Request.get_by_id(helper, opened.id), "python-7")

key = uploads.upload_file(file("cells.csv"))
made = uploads.create_request(
    "Opened by the other Python client", note="python-8 first note", note_attachments=[{"key": key}]
)
tell("create_request with note_attachments", Request.get_by_id(helper, made["id"]), "python-8")
assert uploads.get_request_status(str(made["id"])) == "assigned"

task = Task.update_by_id(helper, records["tasks"], {"note": "python-tasks from its record"})
assert TaskStatus(task.status)

workflows = Workflow.get_workflows(helper)
walked = {
    "own": len(helper.api_call(f"/notes?person_id={helper.api_user.id}")),
    "public": len(request.get_notes("public")),
    "internal": len(request.get_notes("internal")),
    "open": len(uploads.list_requests()),
    "completed": len(Request.get_requests(helper, "completed")),
    "workflows": len(workflows),
    "tasks": sum(1 for one in Task.get_tasks(helper) if TaskStatus(one["status"])),
    "people": len(Person.get_people(helper, queryfilter={"primary_email": helper.api_user.primary_email})),
    "account": int(helper.api_call("/account")["id"] == account),
    "by_node_id": int(
        Person.get_by_id(helper, helper.encode_api_id(helper.decode_api_id(helper.api_user.nodeID))).id == helper.api_user.id
    ),
}
print(json.dumps({"walked": walked}), flush=True)
