"""People, access and the log in the admin, registered on the one site that obeys the engine.

Django's autodiscovery loads this module. `apps.access.admin` itself cannot register anything: the template tags import
that package, and unfold loads the template tags before its own admin is there.
"""

from apps.access.admin.log import LogAdmin
from apps.access.admin.site import site
from apps.audit.models import Operation

site.register(Operation, LogAdmin)
