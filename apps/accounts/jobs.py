"""What the queue does for accounts: mail, and clearing away what has run out."""

from django.contrib.sessions.models import Session
from django.db import connection
from django.utils import timezone
from procrastinate.contrib.django import app

from apps.accounts.mail import deliver
from apps.accounts.sign_in_emails import change_asked, password_asked, sign_up_asked

__all__ = ["change_asked", "clear_away", "deliver", "password_asked", "sign_up_asked"]
# Their arguments are sealed, and useless once the email is sent.
SEALED = (change_asked, deliver, password_asked, sign_up_asked)


@app.periodic(cron="17 * * * *")
@app.task(queueing_lock="clear_away")
def clear_away(timestamp: int) -> int:
    """Delete sessions that have ended, tries to sign in that no longer count, and mails that were sent.

    Returns how many there were.
    """
    now = timezone.now()
    ended, _ = Session.objects.filter(expire_date__lt=now).delete()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM cache WHERE expires < %s", [now])
        forgotten = cursor.rowcount
        cursor.execute(
            "DELETE FROM procrastinate_jobs WHERE task_name = ANY(%s) AND status = 'succeeded'",
            [[task.name for task in SEALED]],
        )
        return ended + int(forgotten) + int(cursor.rowcount)
