"""A session as a FIT workout file, which watches and bike computers lead through.

Source: the FIT SDK's profile, messages file_id, workout and workout_step, and its guide to encoding workout files.
Custom targets carry an offset (WorkoutPower 1000, WorkoutHr 100), for below it the numbers mean percent.
"""

from __future__ import annotations

import zlib
from datetime import UTC, datetime, time
from typing import Final

from fit_tool.fit_file_builder import FitFileBuilder
from fit_tool.profile.messages.file_id_message import FileIdMessage
from fit_tool.profile.messages.workout_message import WorkoutMessage
from fit_tool.profile.messages.workout_step_message import WorkoutStepMessage
from fit_tool.profile.profile_type import (
    FileType,
    Intensity,
    Manufacturer,
    Sport,
    SubSport,
    WorkoutHr,
    WorkoutPower,
    WorkoutStepDuration,
    WorkoutStepTarget,
)

from plans.export.contract import ScheduledSession
from plans.export.errors import NotExportable
from plans.export.steps import Block, Step, workout_of
from plans.export.text import clipped, one_line, plain

SPORTS: Final = {
    "running": (Sport.RUNNING, SubSport.GENERIC),
    "cycling": (Sport.CYCLING, SubSport.GENERIC),
    "swimming": (Sport.SWIMMING, SubSport.GENERIC),
    "strength": (Sport.TRAINING, SubSport.STRENGTH_TRAINING),
    "mobility": (Sport.TRAINING, SubSport.FLEXIBILITY_TRAINING),
}
INTENSITIES: Final = {
    "warmup": Intensity.WARMUP,
    "recovery": Intensity.REST,
    "cooldown": Intensity.COOLDOWN,
}
"""Every other type of step is active."""
NAMES: Final = {
    "warmup": "Warm-up",
    "work": "Work",
    "recovery": "Recovery",
    "cooldown": "Cool-down",
    "steady": "Steady",
}
YEARS: Final = range(1990, 2100)
"""FIT counts 32 bits of seconds from the end of 1989."""
NAME_BYTES: Final = 60
NOTE_BYTES: Final = 200
SETTLED_SECONDS: Final = 180
SETTLED_METRES: Final = 1000.0
"""Heart rate needs minutes to follow an effort: in shorter steps it would only set off alarms."""
LOCAL_WORKOUT: Final = 1
LOCAL_STEP: Final = 2


def fit_of(session: ScheduledSession) -> bytes:
    """Return a session as a FIT workout file; the same session of the same version always gives the same bytes.

    A step's target is its range of power, else of pace (as speed), else, from 3 minutes or 1 km on, of heart rate, else
    open; its text comes along as a note.

    Raises:
        NotExportable: no steps (rest, race), no sport that FIT knows, or a day that FIT cannot write.
    """
    blocks = workout_of(session)
    if session.modality not in SPORTS:
        raise NotExportable("FIT workouts are for running, cycling, swimming, strength and mobility.")
    if session.day.year not in YEARS:
        raise NotExportable(f"FIT files can only be dated {YEARS.start} to {YEARS.stop - 1}.")
    steps = _messages(blocks)
    builder = FitFileBuilder()
    builder.add(_file_id(session))
    builder.add(_workout(session, len(steps)))
    builder.add_all(list(steps))
    return bytes(builder.build_bytes())


def _file_id(session: ScheduledSession) -> FileIdMessage:
    """Return the file's identity: a device takes two files with the same one for the same workout."""
    message = FileIdMessage()
    message.type = FileType.WORKOUT
    message.manufacturer = Manufacturer.DEVELOPMENT.value
    message.product = 0
    message.serial_number = zlib.crc32(f"{session.session_id}:{session.version_number}".encode()) or 1
    message.time_created = round(datetime.combine(session.day, time(), UTC).timestamp() * 1000)
    return message


def _workout(session: ScheduledSession, n_steps: int) -> WorkoutMessage:
    message = WorkoutMessage(local_id=LOCAL_WORKOUT)
    message.sport, message.sub_sport = SPORTS[session.modality]
    message.num_valid_steps = n_steps  # repeat steps count too
    message.workout_name = clipped(one_line(session.title) or session.kind.capitalize(), NAME_BYTES)
    summary = clipped(plain(session.prescribed_work.get("summary")), NOTE_BYTES)
    if summary:
        message.workout_description = summary
    return message


def _messages(blocks: tuple[Block, ...]) -> list[WorkoutStepMessage]:
    """Return the step messages in order; a repeated block's steps are followed by one that says where to go back."""
    found: list[WorkoutStepMessage] = []
    for block in blocks:
        first = len(found)
        found += [_step(step, first + k) for k, step in enumerate(block.steps)]
        if block.repeat > 1:
            found.append(_repeat(len(found), first, block.repeat))
    return found


def _repeat(index: int, first: int, times: int) -> WorkoutStepMessage:
    message = WorkoutStepMessage(local_id=LOCAL_STEP)
    message.message_index = index
    message.duration_type = WorkoutStepDuration.REPEAT_UNTIL_STEPS_CMPLT
    message.duration_step = first
    message.target_type = WorkoutStepTarget.OPEN
    message.target_repeat_steps = times
    return message


def _step(step: Step, index: int) -> WorkoutStepMessage:
    message = WorkoutStepMessage(local_id=LOCAL_STEP)
    message.message_index = index
    message.workout_step_name = NAMES.get(step.type, NAMES["work"])
    message.intensity = INTENSITIES.get(step.type, Intensity.ACTIVE)
    if step.metres is not None:
        message.duration_type = WorkoutStepDuration.DISTANCE
        message.duration_distance = max(step.metres, 0.01)
    else:
        message.duration_type = WorkoutStepDuration.TIME
        message.duration_time = float(step.seconds or 1)
    _aim(message, step)
    note = clipped(". ".join(text for text in (step.text, step.note) if text), NOTE_BYTES)
    if note:
        message.notes = note
    return message


def _aim(message: WorkoutStepMessage, step: Step) -> None:
    """Set the target; the type comes first, for the library scales the numbers by it. Zone 0 means a custom range."""
    if step.power_w:
        message.target_type = WorkoutStepTarget.POWER
        low, high = (round(watts) + WorkoutPower.WATTS_OFFSET.value for watts in step.power_w)
        message.custom_target_power_low, message.custom_target_power_high = low, high
    elif step.pace_s_per_km:
        fast, slow = step.pace_s_per_km
        message.target_type = WorkoutStepTarget.SPEED
        message.custom_target_speed_low, message.custom_target_speed_high = 1000 / slow, 1000 / fast
    elif step.hr and ((step.seconds or 0) >= SETTLED_SECONDS or (step.metres or 0.0) >= SETTLED_METRES):
        message.target_type = WorkoutStepTarget.HEART_RATE
        low, high = (round(beats) + WorkoutHr.BPM_OFFSET.value for beats in step.hr)
        message.custom_target_heart_rate_low, message.custom_target_heart_rate_high = low, high
    else:
        message.target_type = WorkoutStepTarget.OPEN
    message.target_value = 0
