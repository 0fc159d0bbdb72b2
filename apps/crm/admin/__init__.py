"""The CRM in the admin: registered on the one site that obeys the engine."""

from apps.backoffice.site import site
from apps.crm.admin.clients import CompanyAdmin, ContactAdmin
from apps.crm.admin.leads import LeadAdmin
from apps.crm.admin.opportunities import OpportunityAdmin
from apps.crm.admin.work import ActivityAdmin, TaskAdmin
from apps.crm.models import Activity, Company, Contact, Lead, Opportunity, Task

site.register(Lead, LeadAdmin)
site.register(Contact, ContactAdmin)
site.register(Company, CompanyAdmin)
site.register(Opportunity, OpportunityAdmin)
site.register(Task, TaskAdmin)
site.register(Activity, ActivityAdmin)
