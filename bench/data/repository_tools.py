"""A server's 112 tools for a code host: repositories, issues, pull requests, workflows, security, projects.

They are as large and as alike as those of the public servers for such hosts: fields that most tools share, enums, page
numbers, lists of strings and of objects, optional fields throughout.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

Schema = dict[str, Any]


def _text(description: str, **rules: Any) -> Schema:
    return {"type": "string", "description": description, **rules}


def _one_of(description: str, values: str) -> Schema:
    return {"type": "string", "description": description, "enum": values.split()}


def _number(description: str, **rules: Any) -> Schema:
    return {"type": "number", "description": description, **rules}


def _flag(description: str) -> Schema:
    return {"type": "boolean", "description": description}


def _list(description: str, items: Schema) -> Schema:
    return {"type": "array", "description": description, "items": items}


def _object(fields: dict[str, Schema], required: str = "") -> Schema:
    return {"type": "object", "properties": fields, "required": required.split()}


_STRING: Final[Schema] = {"type": "string"}
_FIELDS: Final[dict[str, Schema]] = {
    "owner": _text("Owner of the repository: a user's or an organization's name"),
    "repo": _text("Name of the repository"),
    "org": _text("Name of the organization"),
    "username": _text("A user's name"),
    "team_slug": _text("Short name of the team"),
    "page": _number("Page of the results, from 1", minimum=1),
    "perPage": _number("Results on a page", minimum=1, maximum=100),
    "after": _text("Cursor of the page before, as it was returned"),
    "query": _text("Words to search for, with the host's qualifiers"),
    "order": _one_of("Direction of the order", "asc desc"),
    "direction": _one_of("Direction of the order", "asc desc"),
    "sort": _one_of("Property to order by", "created updated comments"),
    "sort_repositories": _one_of("Property to order by", "stars forks help-wanted-issues updated"),
    "sort_issues": _one_of("Property to order by", "comments reactions reactions-+1 interactions created updated"),
    "sort_users": _one_of("Property to order by", "followers repositories joined"),
    "sort_pulls": _one_of("Property to order by", "created updated popularity long-running"),
    "issue_number": _number("Number of the issue"),
    "sub_issue_id": _number("Id of the sub-issue, which is not its number"),
    "pullNumber": _number("Number of the pull request"),
    "discussionNumber": _number("Number of the discussion"),
    "comment_id": _number("Id of the comment"),
    "commentBody": _text("Text of the comment"),
    "alertNumber": _number("Number of the alert"),
    "run_id": _number("Id of the workflow's run"),
    "job_id": _number("Id of the workflow's job"),
    "artifact_id": _number("Id of the artifact"),
    "workflow_id": _text("Id of the workflow, or the name of its file"),
    "project_number": _number("Number of the project"),
    "item_id": _number("Id of the project's item"),
    "field_id": _number("Id of the project's field"),
    "gist_id": _text("Id of the snippet"),
    "threadID": _text("Id of the notification's thread"),
    "ghsaId": _text("Id of the advisory", pattern="^GHSA-[a-z0-9]{4}-[a-z0-9]{4}-[a-z0-9]{4}$"),
    "title": _text("Title"),
    "body": _text("Text, in Markdown"),
    "description": _text("What it is"),
    "message": _text("Message of the commit"),
    "branch": _text("Name of the branch"),
    "from_branch": _text("Branch to start from; the default branch if it is left out"),
    "ref": _text("Name of a branch or a tag, or a commit's hash"),
    "sha": _text("Hash of a commit, or name of a branch or tag"),
    "path": _text("Path of the file in the repository"),
    "content": _text("Content of the file"),
    "name": _text("Name"),
    "tag": _text("Name of the tag"),
    "head": _text("Branch that has the changes"),
    "base": _text("Branch to merge into"),
    "draft": _flag("Whether it is a draft"),
    "private": _flag("Whether it is private"),
    "autoInit": _flag("Whether to begin with a README"),
    "public": _flag("Whether everybody may see it"),
    "maintainer_can_modify": _flag("Whether maintainers may change it"),
    "include_diff": _flag("Whether to add the changes of each file"),
    "replace_parent": _flag("Whether to take it from the issue that it belongs to now"),
    "failed_only": _flag("Whether only failed jobs are asked for"),
    "return_content": _flag("Whether the logs themselves are returned, rather than where they are"),
    "tail_lines": _number("Lines from the end of the log", minimum=1, maximum=5000),
    "state": _one_of("State to select", "open closed all"),
    "issue_state": _one_of("New state", "open closed"),
    "state_reason": _one_of("Reason of the new state", "completed not_planned duplicate reopened"),
    "alert_state": _one_of("State to select", "open closed dismissed fixed auto_dismissed"),
    "severity": _one_of("Severity to select", "critical high medium low warning note error"),
    "ecosystem": _one_of("Packages to select", "actions composer erlang go maven npm nuget pip pub rubygems rust"),
    "resolution": _one_of("Resolution to select", "false_positive wont_fix revoked pattern_edited pattern_deleted used_in_tests"),
    "tool_name": _text("Name of the scanner"),
    "cveId": _text("Id of the vulnerability"),
    "published": _text("Date, or range of dates, of the publication"),
    "event": _one_of("Event that started the run", "push pull_request schedule workflow_dispatch release issues deployment"),
    "status": _one_of("Status to select", "queued in_progress completed requested waiting pending"),
    "conclusion": _one_of("What came of it", "success failure neutral cancelled skipped timed_out action_required"),
    "actor": _text("User who started it"),
    "inputs": {"type": "object", "description": "Inputs of the workflow", "additionalProperties": _STRING},
    "review_event": _one_of("What the review says", "APPROVE REQUEST_CHANGES COMMENT"),
    "commitID": _text("Hash of the commit that is reviewed"),
    "line": _number("Line of the file that the comment is about; the last one of several"),
    "startLine": _number("First line of several"),
    "side": _one_of("Side of the changes", "LEFT RIGHT"),
    "startSide": _one_of("Side of the changes that the first line is on", "LEFT RIGHT"),
    "subjectType": _one_of("What the comment is about", "FILE LINE"),
    "merge_method": _one_of("Way to merge", "merge squash rebase"),
    "commit_title": _text("Title of the merge's commit"),
    "commit_message": _text("Further text of the merge's commit"),
    "expectedHeadSha": _text("Hash that the branch is expected to have", pattern="^[0-9a-f]{40}$"),
    "labels": _list("Names of labels", _STRING),
    "assignees": _list("Names of users who shall see to it", _STRING),
    "reviewers": _list("Names of users who shall review it", _STRING),
    "milestone": _number("Number of the milestone"),
    "type": _text("Type of the issue"),
    "since": _text("Only what has changed since", format="date-time"),
    "before": _text("Only what has changed before", format="date-time"),
    "filter": _one_of("Notifications to select", "default include_read_notifications only_participating"),
    "action": _one_of("What to do", "ignore watch delete"),
    "thread_state": _one_of("New state of the thread", "read done"),
    "lastReadAt": _text("Time up to which they are read", format="date-time"),
    "category": _text("Id of the category"),
    "orderBy": _one_of("Property to order by", "CREATED_AT UPDATED_AT"),
    "owner_type": _one_of("Kind of owner", "user org"),
    "item_type": _one_of("Kind of item", "issue pull_request"),
    "method": _one_of("What to do", "add remove reprioritize"),
    "after_id": _number("Id of the sub-issue to put it behind"),
    "before_id": _number("Id of the sub-issue to put it in front of"),
    "color": _text("Color of the label", pattern="^[0-9a-fA-F]{6}$"),
    "permission": _one_of("Permission to give", "pull triage push maintain admin"),
    "visibility": _one_of("Repositories to select", "all public private internal"),
    "reaction": _one_of("Reaction", "+1 -1 laugh confused heart hooray rocket eyes"),
    "files": _list(
        "Files to write",
        _object({"path": _text("Path of the file"), "content": _text("Content of the file")}, "path content"),
    ),
    "fields": _list("Ids of the fields to return", _STRING),
    "updated_field": _object(
        {"id": _number("Id of the field"), "value": {"type": ["string", "number", "null"]}}, "id value"
    ),
    "comments": _list(
        "Comments of the review",
        _object(
            {
                "path": _text("Path of the file"),
                "position": {"type": ["number", "null"], "description": "Position in the changes"},
                "line": {"type": ["number", "null"], "description": "Line of the file"},
                "body": _text("Text of the comment"),
            },
            "path body",
        ),
    ),
    "vulnerabilities": _list(
        "Packages and their vulnerable versions",
        _object(
            {
                "package": _object({"ecosystem": _STRING, "name": _STRING}, "ecosystem name"),
                "vulnerable_version_range": _STRING,
                "patched_versions": _STRING,
                "vulnerable_functions": _list("Names of functions", _STRING),
            },
            "package",
        ),
    ),
    "cwes": _list("Weaknesses to select", _STRING),
    "rules": _list(
        "Rules of the branch",
        _object(
            {
                "type": _one_of("Kind of rule", "creation update deletion required_signatures pull_request"),
                "parameters": _object(
                    {"required_approving_review_count": _number("Approvals", minimum=0, maximum=10)}
                ),
            },
            "type",
        ),
    ),
}  # fmt: skip

_REPO, _PAGES = "owner repo", "page? perPage?"
_TOOLS: Final = f"""
get_me:
get_teams: username?
get_team_members: org team_slug
list_organizations: {_PAGES}
list_branches: {_REPO} {_PAGES}
list_tags: {_REPO} {_PAGES}
list_releases: {_REPO} {_PAGES}
list_commits: {_REPO} sha? actor? path? since? {_PAGES}
list_labels: {_REPO} after? perPage?
list_milestones: {_REPO} state? direction? {_PAGES}
list_collaborators: {_REPO} permission? {_PAGES}
list_forks: {_REPO} {_PAGES}
list_contributors: {_REPO} {_PAGES}
list_languages: {_REPO}
list_repositories: org visibility? sort_repositories? direction? {_PAGES}
list_starred_repositories: username? sort? direction? {_PAGES}
get_commit: {_REPO} sha include_diff? {_PAGES}
compare_commits: {_REPO} base head {_PAGES}
get_tag: {_REPO} tag
get_label: {_REPO} name
get_release_by_tag: {_REPO} tag
get_latest_release: {_REPO}
get_file_contents: {_REPO} path? ref? sha?
get_repository: {_REPO}
get_repository_tree: {_REPO} ref? path?
get_file_blame: {_REPO} path ref?
create_repository: name org? description? private? autoInit?
update_repository: {_REPO} description? private? name?
fork_repository: {_REPO} org?
delete_repository: {_REPO}
create_branch: {_REPO} branch from_branch?
delete_branch: {_REPO} branch
create_tag: {_REPO} tag sha message?
create_release: {_REPO} tag title? body? draft? from_branch?
create_label: {_REPO} name color description?
update_label: {_REPO} name color? description?
delete_label: {_REPO} name
create_milestone: {_REPO} title description? issue_state?
add_collaborator: {_REPO} username permission?
remove_collaborator: {_REPO} username
create_or_update_file: {_REPO} path content message branch sha?
delete_file: {_REPO} path message branch
push_files: {_REPO} branch files message
create_ruleset: {_REPO} name rules issue_state?
star_repository: {_REPO}
unstar_repository: {_REPO}
search_repositories: query sort_repositories? order? {_PAGES}
search_code: query sort? order? {_PAGES}
search_issues: query owner? repo? sort_issues? order? {_PAGES}
search_pull_requests: query owner? repo? sort_issues? order? {_PAGES}
search_users: query sort_users? order? {_PAGES}
search_organizations: query sort_users? order? {_PAGES}
search_commits: query owner? repo? order? {_PAGES}
get_issue: {_REPO} issue_number
list_issues: {_REPO} state? labels? sort? direction? since? after? perPage?
create_issue: {_REPO} title body? assignees? labels? milestone? type?
update_issue: {_REPO} issue_number title? body? issue_state? state_reason? assignees? labels? milestone? type?
get_issue_comments: {_REPO} issue_number {_PAGES}
add_issue_comment: {_REPO} issue_number body
update_issue_comment: {_REPO} comment_id body
delete_issue_comment: {_REPO} comment_id
add_issue_reaction: {_REPO} issue_number reaction
sub_issue_write: method {_REPO} issue_number sub_issue_id replace_parent? after_id? before_id?
list_sub_issues: {_REPO} issue_number {_PAGES}
list_issue_types: org
lock_issue: {_REPO} issue_number
assign_agent_to_issue: {_REPO} issue_number from_branch? body?
get_pull_request: {_REPO} pullNumber
list_pull_requests: {_REPO} state? head? base? sort_pulls? direction? {_PAGES}
create_pull_request: {_REPO} title head base body? draft? maintainer_can_modify?
update_pull_request: {_REPO} pullNumber title? body? issue_state? base? draft? maintainer_can_modify? reviewers?
update_pull_request_branch: {_REPO} pullNumber expectedHeadSha?
merge_pull_request: {_REPO} pullNumber commit_title? commit_message? merge_method?
get_pull_request_diff: {_REPO} pullNumber
get_pull_request_files: {_REPO} pullNumber {_PAGES}
get_pull_request_status: {_REPO} pullNumber
get_pull_request_comments: {_REPO} pullNumber {_PAGES}
get_pull_request_reviews: {_REPO} pullNumber {_PAGES}
create_review: {_REPO} pullNumber body? review_event? commitID? comments?
submit_review: {_REPO} pullNumber review_event body?
delete_review: {_REPO} pullNumber
add_review_comment: {_REPO} pullNumber path body subjectType line? side? startLine? startSide?
reply_to_review_comment: {_REPO} pullNumber comment_id body
request_review: {_REPO} pullNumber reviewers?
list_workflows: {_REPO} {_PAGES}
list_workflow_runs: {_REPO} workflow_id actor? branch? event? status? {_PAGES}
get_workflow_run: {_REPO} run_id
list_workflow_jobs: {_REPO} run_id filter? {_PAGES}
get_job_logs: {_REPO} job_id? run_id? failed_only? return_content? tail_lines?
run_workflow: {_REPO} workflow_id ref inputs?
rerun_workflow: {_REPO} run_id
cancel_workflow_run: {_REPO} run_id
list_artifacts: {_REPO} run_id {_PAGES}
download_artifact: {_REPO} artifact_id
list_code_scanning_alerts: {_REPO} alert_state? ref? severity? tool_name?
get_code_scanning_alert: {_REPO} alertNumber
list_secret_scanning_alerts: {_REPO} issue_state? resolution? type?
get_secret_scanning_alert: {_REPO} alertNumber
list_dependency_alerts: {_REPO} alert_state? severity? ecosystem?
list_advisories: ghsaId? cveId? ecosystem? severity? cwes? published? direction?
create_advisory: {_REPO} title description severity? vulnerabilities cwes?
list_discussions: {_REPO} category? direction? orderBy? after? perPage?
get_discussion_comments: {_REPO} discussionNumber after? perPage?
list_gists: username? since? {_PAGES}
create_gist: description? files public?
list_notifications: filter? since? before? owner? repo? {_PAGES}
manage_thread: threadID thread_state action?
mark_all_read: lastReadAt? owner? repo?
list_projects: owner_type owner query? after? before? perPage?
list_project_items: owner_type owner project_number query? fields? after? perPage?
add_project_item: owner_type owner project_number item_type item_id
update_project_item: owner_type owner project_number item_id updated_field
"""


def repository_tools() -> dict[str, Schema]:
    """The schemas of the tools' arguments, by name."""
    return {
        name: _schema(fields.split())
        for name, _, fields in (line.partition(":") for line in _TOOLS.split("\n"))
        if name
    }


def _schema(fields: Sequence[str]) -> Schema:
    found = {
        field.rstrip("?").partition("_")[0] if field.startswith("sort_") else field.rstrip("?"): _FIELDS[
            field.rstrip("?")
        ]
        for field in fields
    }
    return _object(found, " ".join(field for field in fields if not field.endswith("?")))
