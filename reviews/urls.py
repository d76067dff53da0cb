"""The addresses of the room of reviews."""

from __future__ import annotations

from django.urls import path, register_converter

from compliance.views.refs import converter
from reviews.views import campaigns, feeds, lines, schedules, signing
from reviews.views import reviews as views

register_converter(converter("REV"), "rev")
register_converter(converter("CMP"), "cmp")

urlpatterns = [
    path("reviews/", views.reviews, name="reviews"),
    path("campaigns/", campaigns.campaigns, name="campaigns"),
    path("campaigns/new/", campaigns.new, name="campaign_new"),
    path("campaigns/<cmp:number>/", campaigns.campaign, name="campaign"),
    path("campaigns/<cmp:number>/decide/", campaigns.decide, name="campaign_decide"),
    path("campaigns/<cmp:number>/close/", campaigns.close, name="campaign_close"),
    path("calendar/", feeds.mine, name="calendar"),
    path("calendar/<str:token>.ics", feeds.feed, name="calendar_feed"),
    path("reviews/schedules/new/", schedules.schedule, name="review_schedule"),
    path("reviews/holidays/", schedules.holidays, name="review_holidays"),
    path("reviews/actions/<int:number>/done/", views.close_action, name="review_action_done"),
    path("reviews/<rev:number>/", views.review, name="review"),
    path("reviews/<rev:number>/open/", views.open_review, name="review_open"),
    path("reviews/<rev:number>/items/<int:item>/", views.decide, name="review_decide"),
    path("reviews/<rev:number>/items/<int:item>/carry/", lines.carry, name="review_carry"),
    path("reviews/<rev:number>/rest/", lines.note_rest, name="review_rest"),
    path("reviews/<rev:number>/attendees/", views.attendees, name="review_attendees"),
    path("reviews/<rev:number>/actions/", views.add_action, name="review_action"),
    path("reviews/<rev:number>/sign/", signing.sign, name="review_sign"),
    path("reviews/<rev:number>/countersign/", signing.countersign, name="review_countersign"),
    path("reviews/<rev:number>/back/", signing.send_back, name="review_back"),
    path("reviews/<rev:number>/present/", signing.present, name="review_present"),
    path("reviews/<rev:number>/minutes.md", views.minutes, name="review_minutes"),
]
