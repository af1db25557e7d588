"""A client of MongoDB that dies in a transaction: `python -m tests.faults.abandoning URL NAME ID`.

It writes to the profile with an id, under the name of an application, says so, and goes no further.
"""

import signal
import subprocess
import sys
from uuid import UUID

from pymongo import MongoClient

from service.infrastructure.mongo.indexes import PROFILES
from service.pkg.database import APP_NAME


def die_holding(mongo_url: str, profile_id: UUID, application: str = APP_NAME) -> None:
    """Leave a transaction open that has written to a profile, as a worker does that is killed."""
    command = [sys.executable, "-m", "tests.faults.abandoning", mongo_url, application, str(profile_id)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdout
        assert client.stdout.readline() == "written\n"
        client.send_signal(signal.SIGKILL)


def _hold(mongo_url: str, application: str, profile_id: UUID) -> None:
    client = MongoClient[dict[str, object]](mongo_url, uuidRepresentation="standard", appname=application)
    session = client.start_session()
    session.start_transaction()
    profiles = client.get_default_database()[PROFILES]
    profiles.update_one({"id": profile_id}, {"$inc": {"held": 1}}, session=session)
    sys.stdout.write("written\n")
    sys.stdout.flush()
    signal.pause()


if __name__ == "__main__":
    _hold(sys.argv[1], sys.argv[2], UUID(sys.argv[3]))
