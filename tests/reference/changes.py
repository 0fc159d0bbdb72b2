"""Section 6 of the access model read straight from its definitions: which guard, if any, refuses a change.

``verdict(world, actor, change)`` is None or the guard's name; the actor None is the operator at the console.
``after(world, change)`` is the world as it is then. What the law leaves open is read so:

General
- "target" is no guard of the law: what the change names is not there, or not in the state that it starts from.
- Operators, at the console or in a session, are not held to right, shield, above and escalation.
- Where no right is asked (leaving, requesting, own details, accepting) the user must be active, the account not closed.
- The end of what is given lies in the future; a past one is "target".
- A removed member is restored, deleted or added again, and nothing else; a closed branch takes no change.
- For above and escalation everybody counts as active and every plan as unlimited: both come and go, gifts stay.
- An operator's session gives its holder's membership no height: above looks at what the account gave.

Right
- administer_parent_roles is right enough for granting, changing and revoking parent roles.
- An invitation needs invite_members on each of its open branches (on each, if none is open), one to all on every one.
- Switching the scheme needs change_account, and the scope all of every permission on every open branch.
- Teams and who is in them need manage_teams; requests are decided with manage_member_permissions.
- One's own details need no right.

Oneself
- One's own role: also adding, inviting, restoring, deleting or removing oneself, and editing the own role one holds.
- Declining one's own request is deciding it. A share or a place in a team of one's own is not one's own role.
- Leaving is refused in onepagecrm, to everybody, as oneself. Giving the single role away is not meant.

Shield, published, single, locked, ladder
- The shield stands before whatever above is asked of, when it is about the holder and done by somebody else.
- published: an own role that shadows, edits or deletes a published one or copies a locked or parent role; and giving,
  by any path, an own role where scheme or plan allow none (the plan counts in atmos only: "by plan").
- single looks at who actively holds a single role before and after; an invitation to one is refused when it is sent.
- locked: also for requesting and approving; of what is never grantable also in an own role, if it says more than none.
- ladder compares a membership, removed or not, with itself: no invitation leads down. Transfer and switch are exempt.

Above and escalation
- Account-level permissions count for above as the union over the branches, as section 3 says.
- For escalation a branch's own part of them must not grow beyond what the actor has on the whole account.
- An invitation is judged as if accepted now: when sent, sent again, and accepted (by its inviter's powers then).
- A share gives its verbs: who gives one must be allowed it on that record, now and for good, as a share has no end.
- Who puts somebody in a team gives what is shared with the team; team reach is within the member's own scope.
- above is asked of whom a change is about, at this instant: of no team; of all holders of an own role that is edited.
- For parent roles above is asked on every open branch and the account, unless the actor holds administer_parent_roles.

The rest
- An invitation is valid for seven days, not at their end. Accepting leaves active memberships and revives removed ones.
- A parent role is granted to an active member of some branch; people are added to branches where they are not active.
- An own role that is held (by removed members or pending invitations too) is not deleted: "target".
- Nothing is transferred where the scheme has no single role, and no branch created where it has one: "target".
- A transfer leaves its giver any branch role that is not single; removed members, too, are mapped by a switch.
- last keeper is asked of what kept one before; the last open branch of an account is not closed (last keeper too).
- fresh holds what the page showed (``standing``) against what the change would take out or write anew now.
"""

from tests.reference.effects import after, inverse, rows, standing
from tests.reference.guards import Case, outcome
from tests.reference.kinds import Change
from tests.reference.state import World
from tests.reference.wellformed import is_possible

__all__ = ["after", "inverse", "outcome", "rows", "standing", "verdict"]

GUARDS = (
    "oneself",
    "right",
    "shield",
    "published",
    "single",
    "locked",
    "ladder",
    "above",
    "escalation",
    "fresh",
    "last_keeper",
)


def verdict(world: World, actor: str | None, change: Change) -> str | None:
    """The first guard that refuses the change, in the order in which they are asked; None if it is allowed."""
    if not change.reason.strip():
        return "reason"
    if not is_possible(world, actor, change):
        return "target"
    case = Case(world, actor, change)
    return next((name for name in GUARDS if not getattr(case, name)()), None)
