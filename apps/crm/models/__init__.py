from apps.crm.models.base import CrmRecord
from apps.crm.models.clients import Company, Contact
from apps.crm.models.customfields import CustomField
from apps.crm.models.customisation import CallResult, LeadStatus, OpportunityStatus, Outcome, Pipeline, Source
from apps.crm.models.history import Change
from apps.crm.models.references import PREFIXES, ReferenceCounter
from apps.crm.models.sales import Lead, Opportunity
from apps.crm.models.shares import (
    CompanyTeamShare,
    CompanyUserShare,
    ContactTeamShare,
    ContactUserShare,
    LeadTeamShare,
    LeadUserShare,
    OpportunityTeamShare,
    OpportunityUserShare,
    TaskTeamShare,
    TaskUserShare,
)
from apps.crm.models.work import Activity, Task

__all__ = [
    "PREFIXES",
    "Activity",
    "CallResult",
    "Change",
    "Company",
    "CompanyTeamShare",
    "CompanyUserShare",
    "Contact",
    "ContactTeamShare",
    "ContactUserShare",
    "CrmRecord",
    "CustomField",
    "Lead",
    "LeadStatus",
    "LeadTeamShare",
    "LeadUserShare",
    "Opportunity",
    "OpportunityStatus",
    "OpportunityTeamShare",
    "OpportunityUserShare",
    "Outcome",
    "Pipeline",
    "ReferenceCounter",
    "Source",
    "Task",
    "TaskTeamShare",
    "TaskUserShare",
]
