//! Elements of DICOM headers that are about people: a part of the attributes that PS3.15 Annex E wants removed.

/// One of them.
pub(super) struct Tag {
    name: (u16, u16),
    /// Its keyword in PS3.6.
    pub(super) keyword: &'static str,
    /// What it holds, by class of personal data.
    pub(super) class: &'static str,
}

/// The element of this name, if it is about people.
pub(super) fn tag(name: (u16, u16)) -> Option<&'static Tag> {
    TAGS.iter().find(|tag| tag.name == name)
}

const fn of(group: u16, number: u16, keyword: &'static str, class: &'static str) -> Tag {
    Tag { name: (group, number), keyword, class }
}

const TAGS: &[Tag] = &[
    of(0x0008, 0x0050, "AccessionNumber", "identifier"),
    of(0x0008, 0x0080, "InstitutionName", "location"),
    of(0x0008, 0x0081, "InstitutionAddress", "location"),
    of(0x0008, 0x0090, "ReferringPhysicianName", "person_name"),
    of(0x0008, 0x0092, "ReferringPhysicianAddress", "location"),
    of(0x0008, 0x0094, "ReferringPhysicianTelephoneNumbers", "phone"),
    of(0x0008, 0x1048, "PhysiciansOfRecord", "person_name"),
    of(0x0008, 0x1050, "PerformingPhysicianName", "person_name"),
    of(0x0008, 0x1060, "NameOfPhysiciansReadingStudy", "person_name"),
    of(0x0008, 0x1070, "OperatorsName", "person_name"),
    of(0x0010, 0x0010, "PatientName", "person_name"),
    of(0x0010, 0x0020, "PatientID", "subject_identifier"),
    of(0x0010, 0x0030, "PatientBirthDate", "birth_date"),
    of(0x0010, 0x0040, "PatientSex", "sex"),
    of(0x0010, 0x1000, "OtherPatientIDs", "subject_identifier"),
    of(0x0010, 0x1001, "OtherPatientNames", "person_name"),
    of(0x0010, 0x1005, "PatientBirthName", "person_name"),
    of(0x0010, 0x1010, "PatientAge", "age"),
    of(0x0010, 0x1020, "PatientSize", "anthropometric"),
    of(0x0010, 0x1030, "PatientWeight", "anthropometric"),
    of(0x0010, 0x1040, "PatientAddress", "location"),
    of(0x0010, 0x1060, "PatientMotherBirthName", "person_name"),
    of(0x0010, 0x1090, "MedicalRecordLocator", "mrn"),
    of(0x0010, 0x2000, "MedicalAlerts", "medical_history"),
    of(0x0010, 0x2110, "Allergies", "medical_history"),
    of(0x0010, 0x2154, "PatientTelephoneNumbers", "phone"),
    of(0x0010, 0x2160, "EthnicGroup", "ethnicity"),
    of(0x0010, 0x2180, "Occupation", "profession"),
    of(0x0010, 0x21a0, "SmokingStatus", "smoking"),
    of(0x0010, 0x21b0, "AdditionalPatientHistory", "medical_history"),
    of(0x0010, 0x21f0, "PatientReligiousPreference", "special_category"),
    of(0x0010, 0x2297, "ResponsiblePerson", "person_name"),
    of(0x0010, 0x4000, "PatientComments", "free_text"),
    of(0x0018, 0x1000, "DeviceSerialNumber", "device_id"),
    of(0x0032, 0x1032, "RequestingPhysician", "person_name"),
    of(0x0038, 0x0500, "PatientState", "medical_history"),
];
