"""What spacecraft say of themselves in the routine of the day."""

from __future__ import annotations

from lightlag.bus.message import message


@message("lightlag.housekeeping")
class Housekeeping:
    """A spacecraft's regular word home: where it is over its planet, what it has received, what it stores."""

    altitude_km: float
    speed_km_s: float
    frames_received: int
    stored_bits: int


@message("lightlag.vehicle_state")
class VehicleState:
    """A landing vehicle's state: height over the landing site, speed over the turning planet, load, place."""

    height_km: float
    speed_m_s: float
    mach: float
    deceleration_g: float
    dynamic_pressure_pa: float
    latitude_deg: float
    longitude_deg: float


@message("lightlag.surface_state")
class SurfaceState:
    """A rover's word in every contact: its local time, what it stores, how far it has driven."""

    sol: int
    #: LMST, seconds of local time since midnight.
    local_s: int
    stored_bits: int
    odometer_m: float
