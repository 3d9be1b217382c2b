// The differentiated system description table of the oldiron PCI machine: what ACPI 1.0b needs to route the interrupts
// of PCI and to turn the machine off.
//
// Build: iasl -p bios/rom/acpi/dsdt bios/rom/acpi/dsdt.asl

DefinitionBlock ("dsdt.aml", "DSDT", 1, "OLDIRN", "OLDIRON ", 1)
{
    // Soft off: SUS_TYP 0 of PMCNTRL.
    Name (\_S5, Package (4) { 0, 0, 0, 0 })

    // What the operating system routes interrupts by: 0 the 8259s, 1 the I/O APIC.
    Name (PICM, 0)
    Method (\_PIC, 1) { Store (Arg0, PICM) }

    Scope (\_SB)
    {
        Device (PCI0)
        {
            Name (_HID, EisaId ("PNP0A03"))
            Name (_UID, 0)
            Name (_CRS, ResourceTemplate ()
            {
                WordBusNumber (ResourceProducer, MinFixed, MaxFixed, PosDecode, 0, 0, 0xFF, 0, 0x100)
                IO (Decode16, 0x0CF8, 0x0CF8, 1, 8)
                WordIO (ResourceProducer, MinFixed, MaxFixed, PosDecode, EntireRange, 0, 0x0000, 0x0CF7, 0, 0x0CF8)
                WordIO (ResourceProducer, MinFixed, MaxFixed, PosDecode, EntireRange, 0, 0x0D00, 0xFFFF, 0, 0xF300)
                DWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed, Cacheable, ReadWrite, 0, 0x000A0000,
                    0x000BFFFF, 0, 0x00020000)
                DWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed, NonCacheable, ReadWrite, 0, 0xE0000000,
                    0xFEBFFFFF, 0, 0x1EC00000)
            })

            // Each slot's INTA# is one PIRQ line further; device 1 begins with PIRQA#.
            Name (PRTP, Package (20)
            {
                Package (4) { 0x0001FFFF, 0, LNKA, 0 }, Package (4) { 0x0001FFFF, 1, LNKB, 0 },
                Package (4) { 0x0001FFFF, 2, LNKC, 0 }, Package (4) { 0x0001FFFF, 3, LNKD, 0 },
                Package (4) { 0x0002FFFF, 0, LNKB, 0 }, Package (4) { 0x0002FFFF, 1, LNKC, 0 },
                Package (4) { 0x0002FFFF, 2, LNKD, 0 }, Package (4) { 0x0002FFFF, 3, LNKA, 0 },
                Package (4) { 0x0003FFFF, 0, LNKC, 0 }, Package (4) { 0x0003FFFF, 1, LNKD, 0 },
                Package (4) { 0x0003FFFF, 2, LNKA, 0 }, Package (4) { 0x0003FFFF, 3, LNKB, 0 },
                Package (4) { 0x0004FFFF, 0, LNKD, 0 }, Package (4) { 0x0004FFFF, 1, LNKA, 0 },
                Package (4) { 0x0004FFFF, 2, LNKB, 0 }, Package (4) { 0x0004FFFF, 3, LNKC, 0 },
                Package (4) { 0x0005FFFF, 0, LNKA, 0 }, Package (4) { 0x0005FFFF, 1, LNKB, 0 },
                Package (4) { 0x0005FFFF, 2, LNKC, 0 }, Package (4) { 0x0005FFFF, 3, LNKD, 0 },
            })

            // The same at the inputs of the I/O APIC.
            Name (PRTA, Package (20)
            {
                Package (4) { 0x0001FFFF, 0, 0, 16 }, Package (4) { 0x0001FFFF, 1, 0, 17 },
                Package (4) { 0x0001FFFF, 2, 0, 18 }, Package (4) { 0x0001FFFF, 3, 0, 19 },
                Package (4) { 0x0002FFFF, 0, 0, 17 }, Package (4) { 0x0002FFFF, 1, 0, 18 },
                Package (4) { 0x0002FFFF, 2, 0, 19 }, Package (4) { 0x0002FFFF, 3, 0, 16 },
                Package (4) { 0x0003FFFF, 0, 0, 18 }, Package (4) { 0x0003FFFF, 1, 0, 19 },
                Package (4) { 0x0003FFFF, 2, 0, 16 }, Package (4) { 0x0003FFFF, 3, 0, 17 },
                Package (4) { 0x0004FFFF, 0, 0, 19 }, Package (4) { 0x0004FFFF, 1, 0, 16 },
                Package (4) { 0x0004FFFF, 2, 0, 17 }, Package (4) { 0x0004FFFF, 3, 0, 18 },
                Package (4) { 0x0005FFFF, 0, 0, 16 }, Package (4) { 0x0005FFFF, 1, 0, 17 },
                Package (4) { 0x0005FFFF, 2, 0, 18 }, Package (4) { 0x0005FFFF, 3, 0, 19 },
            })

            Method (_PRT)
            {
                If (PICM) { Return (PRTA) }
                Return (PRTP)
            }

            Device (ISA)
            {
                Name (_ADR, 0x00010000)
                OperationRegion (ROUT, PCI_Config, 0x60, 4)

                Device (KBD)
                {
                    Name (_HID, EisaId ("PNP0303"))
                    Name (_CRS, ResourceTemplate ()
                    {
                        IO (Decode16, 0x60, 0x60, 1, 1)
                        IO (Decode16, 0x64, 0x64, 1, 1)
                        IRQNoFlags () { 1 }
                    })
                }

                Device (MOU)
                {
                    Name (_HID, EisaId ("PNP0F13"))
                    Name (_CRS, ResourceTemplate () { IRQNoFlags () { 12 } })
                }

                Device (RTC)
                {
                    Name (_HID, EisaId ("PNP0B00"))
                    Name (_CRS, ResourceTemplate ()
                    {
                        IO (Decode16, 0x70, 0x70, 1, 2)
                        IRQNoFlags () { 8 }
                    })
                }
            }
        }

        // The PIRQ route controls of the PIIX3: bit 7 set is off, else bits 0-3 are the interrupt.
        Field (PCI0.ISA.ROUT, ByteAcc, NoLock, Preserve)
        {
            PRQA, 8, PRQB, 8, PRQC, 8, PRQD, 8
        }

        Method (PSTA, 1)
        {
            If (And (Arg0, 0x80)) { Return (0x09) }
            Return (0x0B)
        }

        Method (PCRS, 1, Serialized)
        {
            Name (BUF, ResourceTemplate () { Interrupt (ResourceConsumer, Level, ActiveLow, Shared) { 0 } })
            CreateDWordField (BUF, 0x05, IRQW)
            If (LNot (And (Arg0, 0x80))) { Store (And (Arg0, 0x0F), IRQW) }
            Return (BUF)
        }

        Name (PPRS, ResourceTemplate () { Interrupt (ResourceConsumer, Level, ActiveLow, Shared) { 5, 10, 11 } })

        Device (LNKA)
        {
            Name (_HID, EisaId ("PNP0C0F"))
            Name (_UID, 1)
            Method (_STA) { Return (PSTA (PRQA)) }
            Method (_DIS) { Or (PRQA, 0x80, PRQA) }
            Method (_CRS) { Return (PCRS (PRQA)) }
            Method (_PRS) { Return (PPRS) }
            Method (_SRS, 1) { CreateDWordField (Arg0, 0x05, IRQW) Store (IRQW, PRQA) }
        }

        Device (LNKB)
        {
            Name (_HID, EisaId ("PNP0C0F"))
            Name (_UID, 2)
            Method (_STA) { Return (PSTA (PRQB)) }
            Method (_DIS) { Or (PRQB, 0x80, PRQB) }
            Method (_CRS) { Return (PCRS (PRQB)) }
            Method (_PRS) { Return (PPRS) }
            Method (_SRS, 1) { CreateDWordField (Arg0, 0x05, IRQW) Store (IRQW, PRQB) }
        }

        Device (LNKC)
        {
            Name (_HID, EisaId ("PNP0C0F"))
            Name (_UID, 3)
            Method (_STA) { Return (PSTA (PRQC)) }
            Method (_DIS) { Or (PRQC, 0x80, PRQC) }
            Method (_CRS) { Return (PCRS (PRQC)) }
            Method (_PRS) { Return (PPRS) }
            Method (_SRS, 1) { CreateDWordField (Arg0, 0x05, IRQW) Store (IRQW, PRQC) }
        }

        Device (LNKD)
        {
            Name (_HID, EisaId ("PNP0C0F"))
            Name (_UID, 4)
            Method (_STA) { Return (PSTA (PRQD)) }
            Method (_DIS) { Or (PRQD, 0x80, PRQD) }
            Method (_CRS) { Return (PCRS (PRQD)) }
            Method (_PRS) { Return (PPRS) }
            Method (_SRS, 1) { CreateDWordField (Arg0, 0x05, IRQW) Store (IRQW, PRQD) }
        }
    }
}
