//! What FHIR's own definitions (R4, also true of STU3 and R5) say of resources and their elements.

/// Resources of releases STU3 to R5 that hold data or describe it. Other programs call their keys `resourceType` too;
/// none of theirs is called so.
const RESOURCES: &[&str] = &[
    "Account",
    "ActivityDefinition",
    "AdverseEvent",
    "AllergyIntolerance",
    "Appointment",
    "AppointmentResponse",
    "AuditEvent",
    "Basic",
    "Binary",
    "BiologicallyDerivedProduct",
    "BodySite",
    "BodyStructure",
    "Bundle",
    "CapabilityStatement",
    "CarePlan",
    "CareTeam",
    "ChargeItem",
    "Claim",
    "ClaimResponse",
    "ClinicalImpression",
    "CodeSystem",
    "Communication",
    "CommunicationRequest",
    "Composition",
    "ConceptMap",
    "Condition",
    "Consent",
    "Contract",
    "Coverage",
    "CoverageEligibilityRequest",
    "CoverageEligibilityResponse",
    "DetectedIssue",
    "Device",
    "DeviceDefinition",
    "DeviceDispense",
    "DeviceMetric",
    "DeviceRequest",
    "DeviceUsage",
    "DeviceUseStatement",
    "DiagnosticReport",
    "DocumentManifest",
    "DocumentReference",
    "EligibilityRequest",
    "EligibilityResponse",
    "Encounter",
    "Endpoint",
    "EnrollmentRequest",
    "EnrollmentResponse",
    "EpisodeOfCare",
    "Evidence",
    "ExplanationOfBenefit",
    "FamilyMemberHistory",
    "Flag",
    "GenomicStudy",
    "Goal",
    "Group",
    "GuidanceResponse",
    "HealthcareService",
    "ImagingManifest",
    "ImagingSelection",
    "ImagingStudy",
    "Immunization",
    "ImmunizationEvaluation",
    "ImmunizationRecommendation",
    "ImplementationGuide",
    "InsurancePlan",
    "Invoice",
    "Library",
    "List",
    "Location",
    "Measure",
    "MeasureReport",
    "Media",
    "Medication",
    "MedicationAdministration",
    "MedicationDispense",
    "MedicationKnowledge",
    "MedicationRequest",
    "MedicationStatement",
    "MessageHeader",
    "MolecularSequence",
    "NutritionIntake",
    "NutritionOrder",
    "Observation",
    "ObservationDefinition",
    "OperationDefinition",
    "OperationOutcome",
    "Organization",
    "OrganizationAffiliation",
    "Parameters",
    "Patient",
    "PaymentNotice",
    "PaymentReconciliation",
    "Person",
    "PlanDefinition",
    "Practitioner",
    "PractitionerRole",
    "Procedure",
    "ProcedureRequest",
    "Provenance",
    "Questionnaire",
    "QuestionnaireResponse",
    "ReferralRequest",
    "RelatedPerson",
    "RequestGroup",
    "RequestOrchestration",
    "ResearchStudy",
    "ResearchSubject",
    "RiskAssessment",
    "Schedule",
    "SearchParameter",
    "Sequence",
    "ServiceRequest",
    "Slot",
    "Specimen",
    "StructureDefinition",
    "Subscription",
    "Substance",
    "SupplyDelivery",
    "SupplyRequest",
    "Task",
    "Transport",
    "ValueSet",
    "VerificationResult",
    "VisionPrescription",
];

/// Resources that are about somebody's health by what they are.
const HEALTH: &[&str] = &[
    "AdverseEvent",
    "AllergyIntolerance",
    "CarePlan",
    "ChargeItem",
    "Claim",
    "ClinicalImpression",
    "Composition",
    "Condition",
    "DetectedIssue",
    "DeviceUsage",
    "DeviceUseStatement",
    "DiagnosticReport",
    "DocumentReference",
    "Encounter",
    "EpisodeOfCare",
    "ExplanationOfBenefit",
    "FamilyMemberHistory",
    "Flag",
    "GenomicStudy",
    "Goal",
    "ImagingStudy",
    "Immunization",
    "ImmunizationEvaluation",
    "ImmunizationRecommendation",
    "Media",
    "MedicationAdministration",
    "MedicationDispense",
    "MedicationRequest",
    "MedicationStatement",
    "MolecularSequence",
    "NutritionIntake",
    "NutritionOrder",
    "Observation",
    "Procedure",
    "ProcedureRequest",
    "QuestionnaireResponse",
    "RiskAssessment",
    "Sequence",
    "ServiceRequest",
    "Specimen",
    "VisionPrescription",
];

/// Whether a resource is called so.
pub(super) fn is_resource(name: &str) -> bool {
    RESOURCES.contains(&name)
}

/// Whether resources of this name are about somebody's health.
pub(super) fn is_health(name: &str) -> bool {
    HEALTH.contains(&name)
}

/// Whether resources of this name stand for people by their profession.
pub(super) fn is_professional(name: &str) -> bool {
    matches!(name, "Practitioner" | "PractitionerRole")
}

/// What an element is defined to hold, by class of personal data.
pub(super) fn class(resource: &str, path: &str) -> Option<&'static str> {
    let is_person = matches!(resource, "Patient" | "Person" | "RelatedPerson" | "Practitioner");
    Some(match (resource, path) {
        ("Patient" | "Person", "id" | "identifier.value") => "subject_identifier",
        ("RelatedPerson", "patient.reference") => "subject_identifier",
        (_, "name.family" | "name.given" | "name.text") if is_person => "person_name",
        ("Patient", "contact.name.family" | "contact.name.given" | "contact.name.text") => "person_name",
        (_, "birthDate") if is_person => "birth_date",
        (_, "gender") if is_person => "sex",
        (_, "telecom.value") if is_person => "phone",
        ("Patient", "contact.telecom.value") => "phone",
        (_, "address.postalCode" | "address.city" | "address.line" | "address.district" | "address.text")
            if is_person =>
        {
            "location"
        }
        (_, "subject.reference" | "patient.reference" | "beneficiary.reference" | "individual.reference") => {
            "subject_identifier"
        }
        ("Observation", "valueQuantity.value" | "component.valueQuantity.value") => "lab_result",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_in_order() {
        assert!(RESOURCES.is_sorted() && HEALTH.is_sorted());
        assert!(HEALTH.iter().all(|name| is_resource(name)));
    }
}
