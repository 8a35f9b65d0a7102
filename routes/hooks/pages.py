"""The `Link` header of a page."""

from typing import TypeVar
from urllib.parse import urlencode

from flask import Response, after_this_request, request

from routes.hooks.proxies import path_here
from services.domain.paging import Page

Item = TypeVar("Item")

NEXT_PAGE = {
    "Link": {
        "description": 'Where there is a next page: its address, `rel="next"`.',
        "schema": {"type": "string"},
    }
}


def paged(page: Page[Item]) -> Page[Item]:
    """Give the page, and add to its response a link to the next page if there is one."""
    if page.next_cursor is None:
        return page
    query = {**request.args.to_dict(), "cursor": page.next_cursor}
    link = f'<{path_here(request.path)}?{urlencode(query)}>; rel="next"'

    @after_this_request
    def add_link(response: Response) -> Response:
        response.headers["Link"] = link
        return response

    return page
