"""Registers of a meter on a serial line, through pymodbus. What is not a whole, right answer of that meter is one sentence.

RTU answers do not say which registers they hold. One that comes late could be taken for that to the next request, so an answer
with another number of registers is refused, and a meter asks for different numbers wherever it asks more than once.
"""

from __future__ import annotations

import logging
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hw.drivers.port import SerialPort
from hw.errors import MeterUnavailableError
from hw.meters.rtu import READ_INPUT, REFUSALS, intact

if TYPE_CHECKING:
    from pymodbus.client import ModbusSerialClient

REMEDY: Final = "the extra `meters` brings it: tools/setup-venv +meters"
ANSWER_S: Final = 1.0  # a meter answers within a fraction of this, at 1200 baud too
RETRIES: Final = 1
SHOWN_BYTES: Final = 12
SILENT: Final = logging.NullHandler()  # one, however many meters are opened


@dataclass(frozen=True, slots=True, kw_only=True)
class SerialSetting:
    """Where a meter is: path of the port, speed [baud], its address (1 to 247), how long to wait for its answer [s]."""

    path: str
    baud: int
    address: int = 1
    answer_s: float = ANSWER_S


class ModbusRegisters:
    """The input registers of one device, 8N1, its port held exclusively. Not to be used from two threads at once.

    Raises
    ------
    MeterUnavailableError
        If pymodbus is missing.
    PortError
        If the port cannot be opened, or is no plain path of a device.
    """

    def __init__(self, setting: SerialSetting) -> None:
        try:
            from pymodbus.client import ModbusSerialClient
            from pymodbus.exceptions import ModbusException
        except ImportError:
            raise MeterUnavailableError(f"package pymodbus is missing; {REMEDY}") from None
        logging.getLogger("pymodbus").addHandler(SILENT)  # else it prints what is raised here
        SerialPort(setting.path, setting.baud).close()  # pymodbus does not tell why it cannot open a port
        self._setting = setting
        self._heard = b""
        self._errors = (ModbusException, OSError, ValueError, IndexError, struct.error)  # the last three are for garbage
        self._client: ModbusSerialClient = ModbusSerialClient(
            port=setting.path,
            baudrate=setting.baud,
            timeout=setting.answer_s,
            retries=RETRIES,
            trace_packet=self._listen,
        )

    def read(self, start: int, count: int) -> list[int]:
        """Return `count` input registers from `start` on.

        Raises
        ------
        MeterUnavailableError
            If there is no answer, or it is cut short, of another device, a refusal or to another request.
        """
        self._heard = b""
        try:
            answer = self._client.read_input_registers(start, count=count, device_id=self._setting.address)
        except self._errors as error:
            raise self._unavailable(self._what_came()) from error
        if answer.isError():
            code = int(getattr(answer, "exception_code", 0))
            raise self._unavailable(f"it refuses with code {code} ({REFUSALS.get(code, 'unknown')})")
        registers = list(answer.registers)
        if answer.function_code != READ_INPUT or len(registers) != count:
            told = f"an answer to function {answer.function_code} with {len(registers)} registers"
            raise self._unavailable(f"{told} where {count} by function {READ_INPUT} were asked for")
        return registers

    def close(self) -> None:
        """Give the port back; closing twice is nothing."""
        self._client.close()  # type: ignore[no-untyped-call]

    def _listen(self, sending: bool, data: bytes) -> bytes:
        """Keep what came, to tell in the end what was wrong with it; pymodbus calls this for all that goes and comes."""
        if not sending:
            self._heard = data
        return data

    def _what_came(self) -> str:
        if self._client.socket is None:
            return "the line is lost; is it plugged in?"
        if not self._heard:
            return f"no answer within {self._setting.answer_s:g} s; is it powered, and are address and speed right?"
        if intact(self._heard) and self._heard[0] != self._setting.address:
            return f"an answer of address {self._heard[0]}"
        shown = self._heard[:SHOWN_BYTES].hex(" ") + (" ..." if len(self._heard) > SHOWN_BYTES else "")
        return f"an answer that is garbled or cut short ({shown})"

    def _unavailable(self, what: str) -> MeterUnavailableError:
        return MeterUnavailableError(f"{self._setting.path}, address {self._setting.address}: {what}")
